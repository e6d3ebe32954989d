"""Runs MLflow projects: ``mlflow.projects.run(".", backend="trainshed")``, or ``"azureml"`` as with SDK v1."""

from __future__ import annotations

import os
import sys
from typing import Any

from mlflow import MlflowClient
from mlflow.projects.backend.abstract_backend import AbstractBackend
from mlflow.projects.submitted_run import SubmittedRun
from mlflow.projects.utils import fetch_and_validate_project, load_project

from trainshed import Environment, Experiment, ScriptRunConfig, Workspace
from trainshed.api.configuration.conda_dependencies import CondaDependencies
from trainshed.client.notice import warn
from trainshed.errors import UserErrorException, did_you_mean

_NAME = "mlflow-project"
_OURS = ("COMPUTE", "USE_CONDA")
_MLFLOWS = ("ENV_MANAGER", "SYNCHRONOUS", "DOCKER_ARGS", "STORAGE_DIR", "SKIP_IMAGE_BUILD", "build_image")


class ProjectRun(SubmittedRun):  # type: ignore[misc]  # MLflow is not installed where types are checked
    """A run of an MLflow project, as :func:`mlflow.projects.run` returns it.

    Args:
        run: the run.
        client: MLflow's client of its workspace.

    Attributes:
        run: the run.
    """

    def __init__(self, run: Any, client: MlflowClient) -> None:
        super().__init__()
        self.run, self._client = run, client

    @property
    def run_id(self) -> str:
        """Id of the run."""
        return str(self.run.id)

    def wait(self) -> bool:
        """Wait for the run to end, and print its log meanwhile.

        Returns:
            True if it has completed.
        """
        self.run.wait_for_completion(show_output=True, raise_on_error=False)
        return bool(self.run.get_status() == "Completed")

    def get_status(self) -> str:
        """Return the run's status in MLflow's words, such as ``"FINISHED"``."""
        return str(self._client.get_run(self.run_id).info.status)

    def cancel(self) -> None:
        """Cancel the run and wait for its end."""
        self.run.cancel()
        self.run.wait_for_completion(raise_on_error=False)

    def __repr__(self) -> str:
        return f"ProjectRun({self.run!r})"


class ProjectBackend(AbstractBackend):  # type: ignore[misc]
    """MLflow's way to Trainshed, which MLflow finds by the names ``"trainshed"`` and ``"azureml"``."""

    def run(
        self,
        project_uri: str,
        entry_point: str,
        params: dict[str, Any],
        version: str | None,
        backend_config: dict[str, Any],
        tracking_uri: str,
        experiment_id: str,
    ) -> ProjectRun:
        """Submit an entry point of a project as a run.

        Args:
            project_uri: folder or git address of the project.
            entry_point: name of the entry point.
            params: its parameters.
            version: commit or branch of a git address.
            backend_config: ``"COMPUTE"`` is the name of a compute target (default: ``"local"``). With ``"USE_CONDA"``
                False, a run on ``"local"`` takes the Python of this program; otherwise the run has the packages that
                the project lists.
            tracking_uri: address of the workspace, which ``ws.get_mlflow_tracking_uri()`` returns.
            experiment_id: MLflow's id of the experiment.

        Raises:
            UserErrorException: MLflow has not been told of a workspace, or a setting is not supported.
            ComputeTargetException: there is no such compute target.
        """
        workspace = _workspace(tracking_uri)
        folder = fetch_and_validate_project(project_uri, version, entry_point, params)
        project = load_project(folder)
        command = project.get_entry_point(entry_point).compute_command(params, None)
        unknown = [name for name in backend_config if name not in (*_OURS, *_MLFLOWS)]
        if unknown:
            warn(f"backend_config: {unknown[0]!r} is ignored.{did_you_mean(unknown[0], _OURS)}")
        target = backend_config.get("COMPUTE") or "local"
        config = ScriptRunConfig(
            folder, command=command, compute_target=target, environment=_environment(project, backend_config, target)
        )
        names = {each.id: each.name for each in Experiment.list(workspace)}
        run = Experiment(workspace, names.get(experiment_id, "Default")).submit(config)
        return ProjectRun(run, MlflowClient(tracking_uri))


def _workspace(tracking_uri: str) -> Workspace:
    token = os.environ.get("MLFLOW_TRACKING_TOKEN")
    if not tracking_uri.startswith("http") or not token:
        raise UserErrorException(
            "MLflow does not log to a workspace of Trainshed yet. First call "
            "mlflow.set_tracking_uri(ws.get_mlflow_tracking_uri())."
        )
    return Workspace.from_service(tracking_uri, token)


def _environment(project: Any, config: dict[str, Any], target: str) -> Environment:
    separate = config.get("USE_CONDA", config.get("ENV_MANAGER") != "local")
    if target == "local" and str(separate).lower() == "false":  # also in a JSON file, which has it as text
        environment = Environment(_NAME)
        environment.python.user_managed_dependencies = True
        environment.python.interpreter_path = sys.executable
        return environment
    kind, path = project.env_type, project.env_config_path
    if kind == "docker_env":
        raise UserErrorException("MLproject: docker_env is not supported here. List the packages in a conda_env.")
    if path is None:
        return Environment(_NAME)
    if kind == "conda_env":
        return Environment.from_conda_specification(_NAME, path)
    environment = Environment(_NAME)
    environment.python.conda_dependencies = _of_python_env(path)
    return environment


def _of_python_env(path: str) -> CondaDependencies:
    """Return the packages of MLflow's ``python_env.yaml``."""
    import yaml

    with open(path, encoding="utf-8") as file:
        said = yaml.safe_load(file) or {}
    packages: list[str] = []
    for line in said.get("dependencies") or []:
        if line.startswith("-r "):
            with open(os.path.join(os.path.dirname(path), line[3:].strip()), encoding="utf-8") as file:
                packages += [each.strip() for each in file if each.strip() and not each.startswith("#")]
        else:
            packages.append(line)
    python = said.get("python")
    return CondaDependencies.create(pip_packages=packages, python_version=str(python) if python else None)
