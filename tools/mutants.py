"""Make each mistake of ``tests/mutants/table.py`` in a copy of the checkout, and see that its tests notice.

``python tools/mutants.py [WORD …]`` makes only those whose name contains one of the words.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests" / "mutants"))

from table import MUTANTS, Mutant  # noqa: E402 - the table lies beside the tests that it names

from trainshed.system import process  # noqa: E402

_LEFT_OUT = shutil.ignore_patterns(".git", ".venv", "build", "__pycache__", "*.egg-info", ".*_cache", "shared")
_FEWER = {"TRAINSHED_TEST_POWER_LOSSES": "4000"}
"""What a mistake breaks is broken in many states."""
_LONGEST = 150.0
"""Seconds for a test, which has a time-out of its own that a mistake can break."""


def broken(folder: Path, mutant: Mutant) -> None:
    """Make a mistake in a copy of the checkout.

    Raises:
        SystemExit: its text is not there any more, or more than once.
    """
    for edit in mutant.edits:
        path = folder / "src" / "trainshed" / edit.file
        text = path.read_text()
        if text.count(edit.old) != 1:
            raise SystemExit(f"'{mutant.name}' occurs {text.count(edit.old)} times in {edit.file}; it must once.")
        path.write_text(text.replace(edit.old, edit.new))


def tested(folder: Path, tests: tuple[str, ...]) -> tuple[int, str]:
    """Run tests in a copy of the checkout; return pytest's exit code and its last lines."""
    environ = {
        **os.environ,
        **_FEWER,
        "PYTHONPATH": os.pathsep.join((str(folder / "src"), str(folder / "compat" / "azureml" / "src"))),
        "PYTEST_DEBUG_TEMPROOT": str(folder),
    }
    argv = [sys.executable, "-m", "pytest", "-x", "-q", "--tb=line", "-p", "no:cacheprovider", "--timeout", "100"]
    with subprocess.Popen(
        [*argv, *tests],
        cwd=folder,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as run:
        timer = threading.Timer(_LONGEST * len(tests), _end, [run.pid])
        timer.start()
        printed = run.communicate()[0]
        timer.cancel()
    # What a mistake makes hang in the end, too, has been noticed.
    return 1 if run.returncode < 0 else run.returncode, "\n".join(printed.splitlines()[-12:])


def _end(pid: int) -> None:
    """End a hanging run of tests with all that it has started."""
    for each in (*process.family(pid), pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(each, signal.SIGKILL)


def survives(mutant: Mutant | None, tests: tuple[str, ...]) -> str:
    """Return what is wrong: tests that do not notice a mistake, or that fail without one; empty if nothing is."""
    with tempfile.TemporaryDirectory(prefix="trainshed-mutant-") as above:
        folder = Path(above, "checkout")
        shutil.copytree(ROOT, folder, symlinks=True, ignore=_LEFT_OUT)
        if mutant is None:
            code, told = tested(folder, tests)
            return f"the tests fail without any mistake:\n{told}" if code or _skipped(told) else ""
        broken(folder, mutant)
        unnoticed = []
        for test in tests:
            code, told = tested(folder, (test,))
            if code != 1:
                unnoticed.append(f"{test} does not fail:\n{told}")
        return "\n".join(unnoticed)


def _skipped(told: str) -> bool:
    return bool(re.search(r"\d+ skipped", told))


def main() -> int:
    """Make the mistakes, as many at once as there are cores; return how many survive."""
    words = sys.argv[1:]
    chosen = [each for each in MUTANTS if not words or any(word in each.name for word in words)]
    tests = tuple(sorted({test for each in chosen for test in each.tests}))
    if problem := survives(None, tests):
        print(problem)
        return 1
    left = 0
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for each, problem in zip(chosen, pool.map(lambda each: survives(each, each.tests), chosen), strict=True):
            print(f"{'SURVIVES' if problem else 'noticed '}  {each.name}", flush=True)
            if problem:
                left += 1
                print(problem)
    print(f"{len(chosen) - left} of {len(chosen)} mistakes are noticed")
    return min(left, 1)


if __name__ == "__main__":
    sys.exit(main())
