"""Building of environments before a run needs them."""

from __future__ import annotations

import os
import tempfile

from trainshed.api.configuration.runconfig_sections import DockerConfiguration
from trainshed.errors import TYPE_CHECKING
from trainshed.spec import layout, states
from trainshed.spec.run import LOCAL

if TYPE_CHECKING:
    from trainshed.api.configuration.environment import Environment
    from trainshed.api.protocols import RunLike, WorkspaceLike

EXPERIMENT = "prepare_image"
"""Experiment of the runs that build environments, as in SDK v1."""
_SCRIPT = "import sys\n\nprint(f'The environment is ready: Python {sys.version.split()[0]} ({sys.executable}).')\n"


class ImageBuildDetails:
    """The build of an environment, which is a run of the experiment ``"prepare_image"``.

    Args:
        run: the run that builds the environment.

    Example:
        >>> build = Environment("plain").build(ws)
        >>> build.wait_for_completion(show_output=False).status
        'Succeeded'
    """

    def __init__(self, run: RunLike) -> None:
        self.run = run

    @property
    def status(self) -> str:
        """``"Running"``, ``"Succeeded"`` or ``"Failed"``."""
        status = self.run.get_status()
        ended = "Succeeded" if status == states.COMPLETED else "Failed"
        return ended if status in states.TERMINAL else "Running"

    def wait_for_completion(self, show_output: bool = True) -> ImageBuildDetails:
        """Wait until the environment has been built.

        Args:
            show_output: print the output of the build as it arrives.

        Raises:
            ActivityFailedException: the environment cannot be built. The message includes the solver's error.
        """
        self.run.wait_for_completion(show_output=show_output)
        return self

    def log(self) -> str:
        """Return the output of the build (Trainshed extension)."""
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "log.txt")
            self.run.download_file(layout.BUILD_LOG, path)
            with open(path, encoding="utf-8", errors="replace") as file:
                return file.read()


def build(environment: Environment, workspace: WorkspaceLike, target: str | None = None) -> ImageBuildDetails:
    """Start to build an environment.

    Args:
        environment: the environment. If it has an image, packages are installed on top of that image.
        workspace: workspace whose service builds it.
        target: compute target on whose machine it is built. Default: this machine.

    Raises:
        TrainshedError: see :meth:`Experiment.submit`.
    """
    from trainshed.api.training.script_run_config import ScriptRunConfig
    from trainshed.api.training.submission import send

    with tempfile.TemporaryDirectory(prefix="environment-") as folder:
        with open(os.path.join(folder, "ready.py"), "w", encoding="utf-8") as file:
            file.write(_SCRIPT)
        config = ScriptRunConfig(
            folder,
            script="ready.py",
            compute_target=target or LOCAL,
            environment=environment,
            docker_runtime_config=DockerConfiguration(use_docker=True),
        )
        return ImageBuildDetails(workspace.run_of(send(workspace, EXPERIMENT, config, {}, {})))
