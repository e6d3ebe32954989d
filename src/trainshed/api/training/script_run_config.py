"""A script with a run configuration: what later releases of SDK v1 used instead of an Estimator."""

from __future__ import annotations

import os

from trainshed.api.checks import checked
from trainshed.api.configuration.environment import Environment
from trainshed.api.configuration.runconfig import MAX_DURATION_SECONDS_DEFAULT, RunConfiguration, Submission
from trainshed.api.configuration.runconfig_sections import DockerConfiguration
from trainshed.api.training.script_params import check_resume, resume_arguments
from trainshed.client.notice import warn
from trainshed.errors import TYPE_CHECKING, RunConfigurationException, UserErrorException, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from trainshed.api.protocols import TargetLike

_INSIDE = ("compute_target", "environment", "distributed_job_config", "docker_runtime_config")
"""Parameters that a run configuration has settings for."""


class ScriptRunConfig:
    """A script with a run configuration; submit it with ``experiment.submit(config)``.

    Args:
        source_directory: folder with the script; all of it is sent, less what ``.amlignore`` leaves out.
        script: Python file in the folder; None: the run configuration's, else ``train.py``.
        arguments: of the script: strings, numbers, paths and data references.
        run_config: to begin with; what it says wins over ``compute_target`` and ``environment``, with a warning.
        compute_target: a target or its name; None: ``"local"``.
        environment: the Python and the packages.
        distributed_job_config: how several processes find each other.
        resume_from: a DataPath; the script gets it as ``--resume-from``.
        max_run_duration_seconds: the run is ended after so long; v1's default of 30 days sets no limit here.
        command: argv (or a line for the shell) to run instead of a script.
        docker_runtime_config: container.

    Raises:
        TypeError: an unknown parameter; the nearest is named.
        RunConfigurationException: a value of a wrong type, or both a command and a script.
        UserErrorException: a resume_from that is no DataPath.

    Example:
        >>> ScriptRunConfig("./src", script="train.py", arguments=["--alpha", 0.5]).run_config.target
        'local'
    """

    MAX_DURATION_SECONDS_DEFAULT = MAX_DURATION_SECONDS_DEFAULT

    @checked(RunConfigurationException)
    def __init__(
        self,
        source_directory: str | os.PathLike[str],
        script: str | os.PathLike[str] | None = None,
        arguments: Sequence[Any] | None = None,
        run_config: RunConfiguration | None = None,
        _telemetry_values: Any = None,
        compute_target: TargetLike | str | None = None,
        environment: Environment | None = None,
        distributed_job_config: Any = None,
        resume_from: Any = None,
        max_run_duration_seconds: int | None = MAX_DURATION_SECONDS_DEFAULT,
        command: str | Sequence[Any] | None = None,
        docker_runtime_config: DockerConfiguration | None = None,
    ) -> None:
        if command and (script or arguments):
            raise RunConfigurationException("Specify either a command, or a script and its arguments, but not both.")
        self.source_directory = os.fspath(source_directory)
        self.run_config = run_config if run_config is not None else RunConfiguration()
        config = self.run_config
        if run_config is None:
            if compute_target is not None:
                config.target = compute_target
            if environment is not None:
                config.environment = environment
            if docker_runtime_config is not None:
                config.docker = docker_runtime_config
            config._distribute(distributed_job_config, "distributed_job_config", RunConfigurationException, "OpenMpi")
            config.node_count = getattr(distributed_job_config, "node_count", 1)
            config.max_run_duration_seconds = max_run_duration_seconds
        else:
            inside = (compute_target, environment, distributed_job_config, docker_runtime_config)
            settings = [name for name, value in zip(_INSIDE, inside, strict=True) if value is not None]
            if max_run_duration_seconds != MAX_DURATION_SECONDS_DEFAULT:
                settings.append("max_run_duration_seconds")
            if settings:
                warn(
                    f"ScriptRunConfig: run_config was also given, so {', '.join(settings)} are ignored; "
                    "set them in the run_config."
                )
        self.script = os.fspath(script) if script else config.script
        self.arguments = list(arguments) if arguments is not None else list(config.arguments)
        self.command = command or config.command
        check_resume(resume_from)
        self._resume_from = resume_from

    @property
    def directory(self) -> str:
        """The source folder, by another name."""
        return self.source_directory

    def _submission(self, overrides: Mapping[str, Any]) -> Submission:
        """Return what to submit; nothing can be overridden for one submit."""
        for name in overrides:
            raise UserErrorException(
                f"submit() takes tags, priority and slots for a ScriptRunConfig, not '{name}'."
                f"{did_you_mean(name, ('tags', 'priority', 'slots'))}"
            )
        config = self.run_config._copy()
        config.data_references = dict(config.data_references)
        resume = resume_arguments(config._references(), self._resume_from)
        config.script, config.arguments, config.command = self.script, [*self.arguments, *resume], self.command
        return Submission(self.source_directory, config)

    def __repr__(self) -> str:
        return f"ScriptRunConfig(source_directory={self.source_directory!r}, script={self.script!r})"
