"""What must stay light stays light: told by the modules that are not imported, which no busy machine can change."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from trainshed.service import script_tree

SOURCE = Path(__file__).parents[2] / "src"
NODE_ROOMS = ("errors.py", "spec", "runtime", "environments", "containers", "data", "launchers", "system", "node")


def imported(code: str, *flags: str) -> set[str]:
    """Return the modules that are loaded after ``code`` in a new Python."""
    argv = [sys.executable, *flags, "-c", f"{code}\nimport sys; print(*sys.modules)"]
    env = {"PYTHONPATH": str(SOURCE), "PATH": ""}
    return set(subprocess.run(argv, env=env, capture_output=True, text=True, check=True).stdout.split())


def test_the_front_door_imports_nothing() -> None:
    more = imported("import trainshed") - imported("pass")
    assert {name for name in more if not name.startswith("trainshed")} <= {"__future__"}


@pytest.mark.parametrize(
    "heavy",
    ["asyncio", "logging", "starlette", "uvicorn", "email", "ssl", "urllib.request", "yaml", "jinja2", "subprocess"],
)
def test_a_submit_does_not_pay_for(heavy: str) -> None:
    code = "from trainshed import Estimator, Experiment, Workspace, ScriptRunConfig\nimport trainshed.client.embedded"
    assert heavy not in imported(code)


def test_a_submit_imports_next_to_nothing() -> None:
    code = "from trainshed import Estimator, Experiment, Workspace, ScriptRunConfig\nimport trainshed.client.embedded"
    more = imported(f"{code}, trainshed.api.training.submission") - imported("pass")
    assert {name for name in more if not name.startswith("trainshed")} <= {"__future__", "_json", "_socket", "zlib"}


def test_watching_imports_no_more() -> None:
    more = imported("import trainshed.api.runs.run, trainshed.api.runs.watch") - imported("pass")
    assert {name for name in more if not name.startswith("trainshed")} <= {"__future__", "_json", "_socket"}


def test_a_job_of_a_batch_system_imports_next_to_nothing() -> None:
    modules = [f"node.{name}" for name in ("slurm_job", "slurm_agents", "waiting_agent", "life", "mpi")]
    modules += [f"launchers.{name}" for name in ("single", "openmpi", "torch")]
    code = "import " + ", ".join(f"trainshed.{name}" for name in (*modules, "system.ports"))
    more = imported(code, "-S") - imported("import os", "-S")
    plain = {"__future__", "_json", "_socket", "_signal", "errno", "itertools", "select", "time"}
    assert {name for name in more if not name.startswith("trainshed")} <= plain


def test_the_runtime_in_a_script_is_next_to_nothing() -> None:
    more = imported("from trainshed.runtime.run import Run") - imported("import json, threading")
    assert {name for name in more if not name.startswith("trainshed")} <= {"__future__"}


def test_every_public_name_can_be_imported() -> None:
    import trainshed

    assert all(getattr(trainshed, name) is not None for name in trainshed.__all__)
    assert sorted(trainshed.__all__) == list(trainshed.__all__)
    with pytest.raises(AttributeError, match="Did you mean 'Estimator'"):
        trainshed.Estimater  # type: ignore[attr-defined]  # noqa: B018


def test_node_rooms_keep_to_an_old_syntax() -> None:
    for room in NODE_ROOMS:
        place = SOURCE / "trainshed" / room
        for path in [place] if place.is_file() else place.rglob("*.py"):
            ast.parse(path.read_text(), feature_version=(3, 8))


def test_what_a_script_imports_keeps_to_the_syntax_of_its_python() -> None:
    for path in script_tree.files().values():
        try:
            ast.parse(path.read_text(), feature_version=(3, 6))
        except SyntaxError as error:
            pytest.fail(f"Python 3.6 cannot import {path}, line {error.lineno}: {error.msg}")


def test_the_runtime_names_no_other_room() -> None:
    rooms = {path.name for path in (SOURCE / "trainshed").iterdir() if path.is_dir()} - {
        "runtime",
        "client",
        "data",
        "__pycache__",
    }
    for path in (SOURCE / "trainshed" / "runtime").rglob("*.py"):
        texts = {node.value for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant)}
        assert texts.isdisjoint(rooms), path
