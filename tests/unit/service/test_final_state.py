"""What is said of a run that failed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from trainshed.machines.machine import ENDED, Observation
from trainshed.service.final_state import final_state


def message(tail: str, environment: dict[str, Any] | None = None) -> str:
    """Return the message of a script that exits with code 1, by the end of its log."""
    how = {"outcome": "failed", "reason": "exit", "message": "It failed.", "phase": "Running", "time": 1.0}
    seen = Observation(ENDED, exit={**how, "exit_code": 1, "environment": environment})
    record = {"target": "local", "cancel_requested": False}
    return str(final_state(seen, tail, "log", record).details["error"]["message"])


def printed(script: str, folder: Path) -> str:
    (folder / "train.py").write_text(script)
    return subprocess.run([sys.executable, "train.py"], cwd=folder, capture_output=True, text=True, check=False).stderr


LEGACY = "To restore it, set environment_variables={'TRAINSHED_LEGACY': '1'}, or TRAINSHED_LEGACY=1 where you submit"


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ("import nosuchmodule", "pip_packages=['nosuchmodule'], or 'trainshed submit -p nosuchmodule'"),
        ("import nosuchmodule.below", "pip_packages=['nosuchmodule']"),
        ("raise ImportError(\"No module named 'sklearn.svm'\")", "pip_packages=['scikit-learn']"),
        ("raise ImportError(\"No module named 'sklearn'\")", "pip_packages=['scikit-learn']"),
        ("raise ImportError(\"No module named 'sklearn.externals.joblib'\")", LEGACY),
        ("raise ImportError(\"No module named 'sklearn.externals'\")", LEGACY),
        ("raise ImportError(\"cannot import name 'joblib' from 'sklearn.externals' (/x.py)\")", LEGACY),
        ("raise ImportError(\"No module named 'sklearn.cross_validation'\")", LEGACY),
        ("from collections import Mapping", LEGACY),
        ("import collections; collections.Mapping", LEGACY),
        ("import time; time.clock()", LEGACY),
        ("raise AttributeError(\"module 'numpy' has no attribute 'float'.\\nmore\")", LEGACY),
        ("raise AttributeError('`np.Inf` was removed in the NumPy 2.0 release. Use `np.inf` instead.')", LEGACY),
        ("raise AttributeError(\"'DataFrame' object has no attribute 'append'\")", LEGACY),
        (
            "'tables:1'.to_pandas_dataframe()",
            "run.input_datasets['name'], for an input passed as dataset.as_named_input",
        ),
        ("print(", "SyntaxError: '(' was never closed (train.py, line 1)"),
        (
            "if True:\nprint(1)",
            "IndentationError: expected an indented block after 'if' statement on line 1 (train.py, line 2)",
        ),
        ("import other", "SyntaxError: invalid syntax (other.py, line 1)"),
        ("raise ValueError('x')", "It failed. User program failed with ValueError: x"),
    ],
)
def test_an_exception_is_said_with_what_to_do(tmp_path: Path, script: str, says: str) -> None:
    (tmp_path / "other.py").write_text("a b")
    tail = printed(script, tmp_path)
    assert says in message(f"some output\n{tail}")


@pytest.mark.parametrize(
    "script",
    [
        "raise AttributeError(\"module 'numpy' has no attribute 'nonsense'\")",
        "raise AttributeError(\"'DataFrame' object has no attribute 'appendix'\")",
        "from collections import Nothing",
        "'text'.downloaded()",
    ],
)
def test_nothing_is_advised_where_nothing_is_known(tmp_path: Path, script: str) -> None:
    tail = printed(script, tmp_path)
    assert message(tail) == f"It failed. User program failed with {tail.strip().splitlines()[-1]}"


def test_a_python_that_is_used_as_it_is_gets_its_packages_by_pip(tmp_path: Path) -> None:
    said = message(printed("import yaml_", tmp_path), {"solver": "existing", "python": "/opt/py"})
    assert said.endswith("Install it in /opt/py: pip install yaml_")


@pytest.mark.parametrize("tail", ["", "SyntaxError: is printed by a test", "all went well"])
def test_words_of_a_log_are_no_exception(tail: str) -> None:
    assert message(tail) == "It failed."
