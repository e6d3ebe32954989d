"""ScriptRunConfig: a script with a run configuration, which replaced Estimator in later SDK v1 releases."""

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
"""Parameters that are also settings of a run configuration."""


class ScriptRunConfig:
    """A script with a run configuration; submit it with ``experiment.submit(config)``.

    Args:
        source_directory: folder with the script. Uploaded completely, except for files excluded by ``.amlignore``.
        script: path of the script, relative to the folder. Default: the run configuration's script, or
            ``"train.py"``.
        arguments: arguments of the script: strings, numbers, paths and data references.
        run_config: run configuration. If passed, the parameters that it has settings for are ignored with a warning.
        compute_target: compute target or its name. Default: ``"local"``.
        environment: Python interpreter and packages.
        distributed_job_config: distributed backend, e.g. ``MpiConfiguration()``.
        resume_from: a DataPath, passed to the script as ``--resume-from``.
        max_run_duration_seconds: maximum duration of the run, after which it is stopped. The default means no limit.
        command: command to run instead of a script, as a list of arguments or a shell command line.
        docker_runtime_config: container settings.

    Raises:
        TypeError: a parameter is unknown. The message suggests the closest match.
        RunConfigurationException: a value has the wrong type, or both a command and a script are passed.
        UserErrorException: ``resume_from`` is not a DataPath.

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
            values = (compute_target, environment, distributed_job_config, docker_runtime_config)
            ignored = [name for name, value in zip(_INSIDE, values, strict=True) if value is not None]
            if max_run_duration_seconds != MAX_DURATION_SECONDS_DEFAULT:
                ignored.append("max_run_duration_seconds")
            if ignored:
                warn(
                    f"ScriptRunConfig: run_config was also given, so {', '.join(ignored)} are ignored; "
                    "set them in the run_config."
                )
        self._script = os.fspath(script) if script else None
        self._arguments = None if arguments is None else list(arguments)
        self.command = command or config.command
        check_resume(resume_from)
        self._resume_from = resume_from

    @property
    def script(self) -> str | None:
        """Path of the script: that of the run configuration, unless it is set here."""
        return self._script or self.run_config.script

    @script.setter
    def script(self, script: str | None) -> None:
        self._script = script

    @property
    def arguments(self) -> list[Any]:
        """Arguments of the script: those of the run configuration, unless they are set here."""
        return self.run_config.arguments if self._arguments is None else self._arguments

    @arguments.setter
    def arguments(self, arguments: Sequence[Any] | None) -> None:
        self._arguments = list(arguments or ())

    @property
    def directory(self) -> str:
        """Same as ``source_directory``."""
        return self.source_directory

    def _submission(self, overrides: Mapping[str, Any]) -> Submission:
        """Return the source folder and run configuration. Overrides are not supported."""
        for name in overrides:
            raise UserErrorException(
                f"submit() accepts tags, priority and slots for a ScriptRunConfig, not '{name}'."
                f"{did_you_mean(name, ('tags', 'priority', 'slots'))}"
            )
        config = self.run_config._copy()
        config.data_references = dict(config.data_references)
        resume = resume_arguments(config._references(), self._resume_from)
        config.script, config.arguments, config.command = self.script, [*(self.arguments or ()), *resume], self.command
        return Submission(self.source_directory, config)

    def __repr__(self) -> str:
        return f"ScriptRunConfig(source_directory={self.source_directory!r}, script={self.script!r})"
