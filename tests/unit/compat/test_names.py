"""The names of SDK v1 on the submitting side."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
COMPAT = ROOT / "compat" / "azureml" / "src"
MODULES = sorted(
    ".".join(path.relative_to(COMPAT).with_suffix("").parts).removesuffix(".__init__") for path in COMPAT.rglob("*.py")
)


def run(code: str, *paths: Path) -> subprocess.CompletedProcess[str]:
    """Run code in a Python that sees the compatibility names, and further folders."""
    where = os.pathsep.join(map(str, [COMPAT, ROOT / "src", *paths]))
    argv = [sys.executable, "-c", code]
    env = {**os.environ, "PYTHONPATH": where}
    return subprocess.run(argv, env=env, capture_output=True, text=True, check=False)


def test_every_module_can_be_imported() -> None:
    done = run("import importlib\n" + "\n".join(f"importlib.import_module({name!r})" for name in MODULES))
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "line",
    [
        "from azureml.core import Workspace, Experiment, Run, ScriptRunConfig, Environment, Datastore, VERSION",
        "from azureml.train.estimator import Estimator",
        "from azureml.core.workspace import Workspace",
        "from azureml.core.run import Run, _OfflineRun; assert isinstance(Run.get_context(), _OfflineRun)",
        (
            "from azureml._common.exceptions import AzureMLException; import azureml.exceptions as e; "
            "assert all(issubclass(getattr(e, name), AzureMLException) for name in e.__all__); assert len(e.__all__) == 20"
        ),
        "from azureml.core.runconfig import RunConfiguration, MpiConfiguration",
        "from azureml.core.conda_dependencies import CondaDependencies",
        "from azureml.core.compute import ComputeTarget",
        "from azureml.core.compute_target import ComputeTargetException",
        "from azureml.data.data_reference import DataReference",
        "from azureml.exceptions import AzureMLException, ActivityFailedException, UserErrorException",
        "from azureml.telemetry import set_diagnostics_collection; set_diagnostics_collection(True)",
        "import azureml._restclient.snapshots_client as s; s.SNAPSHOT_MAX_SIZE_BYTES = 1",
    ],
)
def test_v1s_import_lines(line: str) -> None:
    done = run(line)
    assert done.returncode == 0, done.stderr


def test_the_names_are_ours() -> None:
    code = "import trainshed, azureml.core, azureml.train.estimator as e; print(azureml.core.Run is trainshed.Run, e.Estimator is trainshed.Estimator)"
    assert run(code).stdout == "True True\n"


def test_one_name_does_not_pay_for_the_others() -> None:
    code = "import sys\nfrom azureml.core import Workspace\nimport azureml\nprint(*sys.modules)"
    loaded = run(code).stdout.split()
    assert "trainshed.api.workspace.workspace" in loaded
    assert not {"trainshed.api.training.estimator", "trainshed.api.training.script_run_config", "pkgutil"} & set(loaded)


def test_modules_may_be_asked_for_any_name() -> None:
    assert (
        run("import azureml.core; print(hasattr(azureml.core, 'x'), 'Run' in dir(azureml.core))").stdout
        == "False True\n"
    )


def test_other_distributions_below_azureml_are_found(tmp_path: Path) -> None:
    (tmp_path / "azureml" / "mlflow").mkdir(parents=True)
    (tmp_path / "azureml" / "mlflow" / "__init__.py").write_text("NAME = 'theirs'")
    assert run("import azureml.core, azureml.mlflow; print(azureml.mlflow.NAME)", tmp_path).stdout == "theirs\n"


def test_the_original_beside_us_is_refused(tmp_path: Path) -> None:
    (tmp_path / "azureml").mkdir()
    (tmp_path / "azureml_core-1.61.0.dist-info").mkdir()
    done = run("import azureml.core", tmp_path)
    assert done.returncode == 1
    assert "pip uninstall azureml-core" in done.stderr.splitlines()[-1]


def test_the_documented_override_of_the_snapshot_limit(tmp_path: Path) -> None:
    (tmp_path / "data.bin").write_bytes(b"x" * 5000)
    code = (
        "import azureml._restclient.snapshots_client as limits\nfrom trainshed.client.source import take\n"
        f"limits.SNAPSHOT_MAX_SIZE_BYTES = 1000\ntake({str(tmp_path)!r})"
    )
    assert "SnapshotException" in run(code).stderr
    assert run(code.replace("= 1000", "= 10000")).returncode == 0
