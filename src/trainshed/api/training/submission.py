"""Submission of runs: validates the configuration, uploads the source snapshot, and queues the run."""

from __future__ import annotations

import os

from trainshed.api.configuration.runconfig import RunConfiguration, Submission
from trainshed.api.training.source_folder import check_source
from trainshed.api.training.to_spec import SubmitOptions, to_spec
from trainshed.client import locations, provenance
from trainshed.client.http import quoted
from trainshed.client.ignore import AMLIGNORE, GITIGNORE
from trainshed.client.index import index_path
from trainshed.client.notice import inform, warn
from trainshed.client.send import send as send_source
from trainshed.client.source import Source, take
from trainshed.errors import TYPE_CHECKING, NotFoundException, UserErrorException
from trainshed.spec.record import to_json
from trainshed.spec.run import LOCAL, RunSpec
from trainshed.spec.shape import check_one_node

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from trainshed.api.protocols import WorkspaceLike
    from trainshed.client.http import Connection


def send(
    workspace: WorkspaceLike, experiment: str, config: Any, tags: Mapping[str, Any], options: Mapping[str, Any]
) -> dict[str, Any]:
    """Submit a run.

    Returns:
        Record of the queued run.

    Raises:
        TrainshedError: see :meth:`Experiment.submit`.
    """
    if not hasattr(config, "_submission"):
        raise UserErrorException(
            f"A {type(config).__name__} cannot be submitted. "
            "Only an Estimator, a ScriptRunConfig or a HyperDriveConfig can be submitted."
        )
    overrides = dict(options)
    sweep, run_id = config._sweep(overrides) if hasattr(config, "_sweep") else (None, None)
    source, spec = with_source(workspace, experiment, config, tags, overrides)
    connection, path = workspace.connection, "/runs"
    body: dict[str, Any] = {"submit_id": os.urandom(16).hex()}
    known, diff = provenance.of(source.folder, source.has)
    if known:
        spec = spec._replace(properties={**known, **spec.properties})
    if diff:
        body["git_diff"] = diff
    if sweep is not None:
        path, body = "/sweeps", {**body, "sweep": to_json(sweep), "run_id": run_id}
    return submit_source(
        connection, source, spec, lambda whole: connection.call("POST", path, {**body, "spec": to_json(whole)})
    )


def with_source(
    workspace: WorkspaceLike, experiment: str, config: Any, tags: Mapping[str, Any], overrides: dict[str, Any]
) -> tuple[Source, RunSpec]:
    """Check what is to be run, and return its source and the request for it.

    Args:
        workspace: workspace of the run.
        experiment: name of its experiment.
        config: e.g. a ScriptRunConfig.
        tags: tags of the run.
        overrides: options of the submit.

    Raises:
        TrainshedError: see :meth:`Experiment.submit`.
    """
    priority, slots = overrides.pop("priority", None), overrides.pop("slots", 1)
    parent = overrides.pop("parent", None)
    submission: Submission = config._submission(overrides)
    ready = with_datasets(with_files(submission), workspace)
    solver, legacy = _solver(workspace), locations.legacy()
    chosen = SubmitOptions(experiment, tags, priority, slots, solver, legacy, _nearest_python())
    spec = to_spec(ready.config, chosen)
    spec = spec._replace(script=check_source(ready.folder, spec.script), parent=parent)
    if spec.target == LOCAL:
        check_one_node(spec.node_count, spec.target)
    else:
        workspace.connection.call("GET", quoted("targets", spec.target))  # raises if the target does not exist
    source = take(ready.folder, index_path(workspace.identity, os.path.realpath(ready.folder)))
    _check_sent(source, spec)
    _store_password(workspace, spec, ready.config)
    return source, spec


def with_files(submission: Submission) -> Submission:
    """Load the conda file of the submission's environment, if any, and return the updated submission.

    Raises:
        UserErrorException: the file cannot be read.
    """
    file = submission.config.environment.python.conda_dependencies_file
    if not file:
        return submission
    from trainshed.api.configuration.conda_dependencies import CondaDependencies

    config = submission.config._copy()
    config.environment = config.environment._copy()
    config.environment.python = config.environment.python._copy()
    inside = os.path.join(submission.folder, file)
    config.environment.python.conda_dependencies = CondaDependencies(inside if os.path.isfile(inside) else file)
    return Submission(submission.folder, config)


def with_datasets(submission: Submission, workspace: WorkspaceLike) -> Submission:
    """Look up the datasets that the submission's run configuration file names, and return the updated submission.

    Raises:
        NotFoundException: a dataset is not registered.
        UserErrorException: an input is invalid.
    """
    data = submission.config.data
    stored = {name: value for name, value in data.items() if hasattr(value, "_with_dataset")}
    if not stored:
        return submission
    config = submission.config._copy()
    config.data = {**data, **{name: value._with_dataset(workspace) for name, value in stored.items()}}
    return Submission(submission.folder, config)


def _check_sent(source: Source, spec: RunSpec) -> None:
    if source.environments:
        inform(f"Virtual environments are excluded from the snapshot: {', '.join(source.environments)}.")
    if source.secrets_note:
        warn(source.secrets_note)
    if source.skipped:
        warn(f"Not regular files, so excluded from the snapshot: {', '.join(source.skipped)}.")
    if spec.script and not source.has(spec.script):
        raise UserErrorException(
            f"The script '{spec.script}' is excluded from the snapshot by {AMLIGNORE} or {GITIGNORE}. "
            f"Include it again with a line '!/{spec.script}' there."
        )


def _store_password(workspace: WorkspaceLike, spec: RunSpec, config: RunConfiguration) -> None:
    """Store the registry's password as a secret, because a run's spec must not contain it."""
    password = config.environment.docker.base_image_registry and config.environment.docker.base_image_registry.password
    if spec.container is not None and spec.container.username and password:
        workspace.connection.call("PUT", "/secrets", {"set": {spec.container.secret: str(password)}})


def submit_source(
    connection: Connection, source: Source, spec: RunSpec, post: Callable[[RunSpec], Any]
) -> dict[str, Any]:
    """Submit a request, and before it the source as far as the service lacks it.

    Args:
        connection: connection to the service.
        source: the source.
        spec: the request, without a snapshot.
        post: sends the request, whose snapshot is there.

    Returns:
        What ``post`` returns.
    """
    record: dict[str, Any]
    if source.known is not None:
        try:
            record = post(spec._replace(snapshot=source.known))
        except NotFoundException:
            # The snapshot may have been deleted since the last submit, so upload it again. If something else is
            # missing, the second attempt raises the same error.
            pass
        else:
            source.remember(source.known)
            return record
    record = post(spec._replace(snapshot=send_source(source, connection)))
    return record


def _nearest_python() -> bool:
    """Tell whether the nearest Python is to be used if the requested one is not available.

    Raises:
        UserErrorException: ``TRAINSHED_PYTHON`` has an unknown value.
    """
    value = os.environ.get("TRAINSHED_PYTHON", "")
    if value not in ("", "exact", "nearest"):
        raise UserErrorException(
            f"TRAINSHED_PYTHON is {value!r}. It can be 'nearest', to use the nearest Python version if the requested "
            "one is not available, or 'exact'. Request the version itself in the run's environment, e.g. with "
            "conda_packages=['python=3.8']."
        )
    return value == "nearest"


def _solver(workspace: WorkspaceLike) -> str:
    return os.environ.get("TRAINSHED_CONDA") or str(workspace.setting("conda") or "auto")
