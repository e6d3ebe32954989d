"""Web services that cannot start: what is wrong is in the exception of ``wait_for_deployment`` and in the log."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from azureml.core.model import InferenceConfig
from trainshed import Environment, Model, Workspace
from trainshed.errors import TrainshedError, WebserviceException

FINE = "def run(data):\n    return data\n"


def _this(python: str) -> Environment:
    made = Environment("serving")
    made.python.user_managed_dependencies = True
    made.python.interpreter_path = python
    return made


def _no_such_package(_: str) -> Environment:
    made = Environment("lacking")
    made.python.conda_dependencies.add_pip_package("trainshed-no-such-package==1.0")
    return made


def test_what_is_wrong_with_a_script_or_its_environment_is_told(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, this_python: str
) -> None:
    monkeypatch.chdir(tmp_path)
    # All are deployed at once: they start in parallel.
    table: list[tuple[str, str, Callable[[str], Environment], list[str]]] = [
        (
            "init",
            "def init():\n    raise ValueError('no weights')\n\n\n" + FINE,
            _this,
            ["Traceback", "line 2, in init", "ValueError: no weights"],
        ),
        ("package", "import no_such_package\n\n\n" + FINE, _this, ["No module named 'no_such_package'"]),
        ("syntax", "def run(data)\n    return data\n", _this, ["SyntaxError", "line 1"]),
        ("hidden", "if False:\n    def run(data):\n        return data\n", _this, ["has no function run(data)"]),
        ("exits", "raise SystemExit('not today')\n\n\n" + FINE, _this, ["not today"]),
        ("killed", "import os\nos.kill(os.getpid(), 9)\n\n\n" + FINE, _this, ["could not be started"]),
        ("index", FINE, _no_such_package, ["trainshed-no-such-package"]),
        ("python", FINE, lambda _: _this("/nowhere/python"), ["/nowhere/python"]),
    ]
    services = {}
    for name, script, environment, _ in table:
        Path(f"{name}.py").write_text(script)
        config = InferenceConfig(f"{name}.py", environment=environment(this_python))
        services[name] = Model.deploy(workspace, name, [], config)
    for name, _, _, sentences in table:
        with pytest.raises(WebserviceException) as told:
            services[name].wait_for_deployment()
        assert f"The web service '{name}' could not be started" in told.value.message
        for each in sentences:
            assert each in told.value.message, name
            assert each in services[name].get_logs() or each in told.value.message.splitlines()[0], name
        assert services[name].state == "Failed"
        with pytest.raises(WebserviceException, match="does not answer"):
            services[name].run("{}")
    for each in services.values():
        each.delete()
    with pytest.raises(TrainshedError, match=r"none\.yml"):
        Model.deploy(workspace, "never", [], InferenceConfig("init.py", conda_file="none.yml"))
    assert workspace.webservices == {}
