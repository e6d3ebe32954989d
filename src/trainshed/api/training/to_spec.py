"""The one way from a run configuration to a RunSpec: a pure function, with all that is refused refused here."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, NamedTuple

from trainshed.api.compute.compute import LOCAL
from trainshed.api.configuration.conda_dependencies import SDK
from trainshed.api.configuration.environment import Environment
from trainshed.api.configuration.runconfig import DataReferenceConfiguration, RunConfiguration
from trainshed.api.data.data_reference import DataReference
from trainshed.api.training.run_shape import container, distribution, uses_gpu
from trainshed.errors import UserErrorException
from trainshed.spec.checks import check_run_spec
from trainshed.spec.environment import EXISTING, EnvironmentSpec
from trainshed.spec.run import DataSpec, RunSpec

LEGACY = "TRAINSHED_LEGACY"
"""Set to 1 it makes names work in a run that packages have dropped since 2018 (see docs/legacy.md)."""
_EXAMPLE = ("EXAMPLE_ENV_VAR", "EXAMPLE_VALUE")
ON_DEMAND = "amlcompute"
"""v1's name for the target of a run that only names a size of machine."""
MAX_DURATION_SECONDS_DEFAULT = 2592000
"""v1's 30 days; as it stands for "nobody set a limit", it sets none here."""


class Wishes(NamedTuple):
    """What a submit says besides the run configuration.

    Attributes:
        experiment: name of the experiment.
        tags: labels of the run.
        priority: higher starts first.
        slots: slots of the target's queue.
        solver: how conda packages are met, unless the environment says so itself.
        legacy: names that packages have dropped since 2018 are to work (``TRAINSHED_LEGACY``).
    """

    experiment: str
    tags: Mapping[str, Any] = {}
    priority: int | None = None
    slots: int = 1
    solver: str = "auto"
    legacy: bool = False


class References(NamedTuple):
    """The data of a run, by name, under the names that a run configuration has for it.

    Attributes:
        data_references: data references.
        data: datasets that it reads.
        output_data: folders that it fills.
    """

    data_references: dict[str, DataReferenceConfiguration]
    data: dict[str, Any]
    output_data: dict[str, Any]


def to_spec(config: RunConfiguration, wishes: Wishes) -> RunSpec:
    """Return what a run configuration asks for, without the source snapshot.

    Args:
        config: the run configuration; it is not changed.
        wishes: what else was said.

    Raises:
        TrainingException: an image that cannot be built here.
        UserErrorException: a value that cannot be used; the sentence names it.

    Example:
        >>> to_spec(RunConfiguration("train.py", ["--alpha", 0.8]), Wishes("trial")).arguments
        ('--alpha', '0.8')
    """
    shape = distribution(config)
    references = References(dict(config.data_references), dict(config.data), dict(config.output_data))
    arguments = tuple(_argument(value, place, references) for place, value in enumerate(config.arguments))
    command = _command(config.command, references)
    priority = wishes.priority if wishes.priority is not None else config.priority
    return check_run_spec(
        RunSpec(
            experiment=wishes.experiment,
            script=None if command else _script(config.script),
            command=command,
            arguments=arguments,
            target=_target(config),
            environment=environment_to_spec(config.environment, wishes.solver),
            environment_name=str(config.environment.name or ""),
            environment_variables=_variables(config, wishes.legacy),
            data=tuple(_data(name, reference) for name, reference in references.data_references.items()),
            inputs=tuple(value._spec(name) for name, value in references.data.items()),
            outputs=tuple(value._spec(name) for name, value in references.output_data.items()),
            node_count=shape.node_count,
            process_count_per_node=shape.process_count_per_node,
            launcher=shape.launcher,
            backend=shape.backend,
            worker_count=shape.worker_count,
            parameter_server_count=shape.parameter_server_count,
            container=container(config),
            use_gpu=uses_gpu(config),
            slots=_whole("slots", wishes.slots),
            priority=_whole("priority", priority or 0),
            max_run_duration_seconds=_limit(config.max_run_duration_seconds),
            framework=config.framework,
            communicator=config.communicator,
            tags={str(key): str(value) for key, value in wishes.tags.items()},
        )
    )


def environment_to_spec(environment: Environment, solver: str = "auto") -> EnvironmentSpec:
    """Return what an environment asks of a node.

    Args:
        environment: the environment.
        solver: how conda packages are met, unless it says so itself.
    """
    python = environment.python
    if python.user_managed_dependencies:
        return EnvironmentSpec(kind=EXISTING, interpreter=str(python.interpreter_path or "python"))
    dependencies = python.conda_dependencies
    index_url, options = None, []
    for line in dependencies.pip_options:
        name, _, value = line.replace("=", " ", 1).partition(" ") if "=" in line.split(" ")[0] else line.partition(" ")
        if name == "--index-url":
            index_url = value.strip()
        else:
            options.append(f"{name} {value.strip()}".strip())
    return EnvironmentSpec(
        python=dependencies.get_python_version(),
        conda=tuple(dependencies.conda_packages),
        # Put in by default, as v1 did; what it stands for needs no installing.
        pip=tuple(package for package in dependencies.pip_packages if package != SDK),
        channels=tuple(dependencies.conda_channels),
        solver=environment.conda_solver or solver,
        index_url=index_url,
        pip_options=tuple(options),
        notes=tuple(getattr(environment, "_notes", ())),
    )


def _argument(value: Any, place: int, references: References) -> str:
    """Return one argument as the script gets it; a data reference or a dataset leaves its configuration behind."""
    if isinstance(value, DataReference):
        add_reference(references.data_references, value)
        return str(value)
    if hasattr(value, "_as_argument"):
        return str(value._as_argument(references))
    if hasattr(value, "as_mount") and hasattr(value, "datastore_type"):
        return _argument(value.as_mount(), place, references)
    if isinstance(value, os.PathLike):
        return os.fsdecode(value)
    # Numbers of numpy and its like tell their plain value by item().
    plain = value.item() if hasattr(value, "item") and not isinstance(value, (str, bytes)) else value
    if isinstance(plain, (str, int, float)):
        return str(plain)
    raise UserErrorException(
        f"Argument {place + 1} is {value!r} of type {type(value).__name__}; "
        "a script takes strings, numbers, paths and data references."
    )


def add_reference(references: dict[str, DataReferenceConfiguration], reference: DataReference) -> None:
    """Add a data reference to those of a run.

    Args:
        references: name → configuration; changed in place.
        reference: the new one.

    Raises:
        UserErrorException: another one has this name.
    """
    config = reference.to_config()
    name = reference.data_reference_name
    if references.setdefault(name, config) != config:
        raise UserErrorException(
            f"Two different data references are named '{name}'. Give one another name: "
            f"datastore.path('{reference.path_on_datastore or ''}', data_reference_name='…')."
        )


def _command(command: Any, references: References) -> tuple[str, ...]:
    if not command:
        return ()
    if isinstance(command, str):
        return ("/bin/sh", "-c", command)
    return tuple(_argument(value, place, references) for place, value in enumerate(command))


def _target(config: RunConfiguration) -> str:
    """v1 made a cluster for a run that named but a size of machine; here such a run takes this machine."""
    return LOCAL if config.target == ON_DEMAND and config.amlcompute.vm_size else config.target


def _script(script: str | None) -> str:
    return os.path.normpath(script or "train.py").replace(os.sep, "/")


def _variables(config: RunConfiguration, legacy: bool) -> dict[str, str]:
    asked = [(LEGACY, "1")] if legacy else []
    given = [*asked, *config.environment.environment_variables.items(), *config.environment_variables.items()]
    return {str(name): str(value) for name, value in given if (name, value) != _EXAMPLE}


def _data(name: str, reference: DataReferenceConfiguration) -> DataSpec:
    if not reference.data_store_name:
        raise UserErrorException(f"Data reference '{name}' names no datastore.")
    return DataSpec(
        name=name,
        datastore=str(reference.data_store_name),
        path=str(reference.path_on_data_store or "").strip("/"),
        mode=str(reference.mode),
        path_on_compute=reference.path_on_compute,
        overwrite=bool(reference.overwrite),
    )


def _limit(seconds: Any) -> int | None:
    if seconds is None or seconds == MAX_DURATION_SECONDS_DEFAULT:
        return None
    return _whole("max_run_duration_seconds", seconds)


def _whole(name: str, value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise UserErrorException(f"{name} must be a whole number, not {type(value).__name__} ({value!r}).")
    return value
