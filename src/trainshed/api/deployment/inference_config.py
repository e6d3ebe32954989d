"""InferenceConfig: the scoring script of a web service, and its environment."""

from __future__ import annotations

import ast
import os
import shutil
import tempfile
from typing import TYPE_CHECKING, Any

from trainshed.api.checks import known_keywords
from trainshed.api.configuration.environment import Environment
from trainshed.api.training.source_folder import check_source
from trainshed.client.notice import warn
from trainshed.errors import WebserviceException

if TYPE_CHECKING:
    from collections.abc import Iterator

_OF_IMAGE = ("extra_docker_file_steps", "base_image", "base_image_registry", "cuda_version")


class InferenceConfig:
    """Scoring script of a web service, and its environment.

    The script has a function ``init()``, which is called once, and a function ``run(data)``, which answers a request:
    it gets the request's body as text and returns anything that JSON can hold.

    Args:
        entry_script: path of the scoring script: in ``source_directory`` if that is passed, otherwise on this machine.
        runtime: ``"python"`` or ``"spark-py"``; ignored.
        conda_file: conda environment file, as an alternative to ``environment``; in ``source_directory`` or on this
            machine.
        extra_docker_file_steps: file with lines of a Dockerfile, which are added to ``base_image``. Ignored with a
            warning if there is none.
        source_directory: folder that the script needs. Uploaded completely, except for files excluded by
            ``.amlignore``. Default: the script alone is uploaded.
        enable_gpu: ignored.
        description: description of the configuration.
        base_image: image that the service runs in. Default: none.
        base_image_registry: address and account of the image's registry, as a ContainerRegistry.
        cuda_version: ignored with a warning.
        environment: Python interpreter and packages. Default: Python without packages.

    Raises:
        WebserviceException: there is no scoring script, or an environment is passed with a conda file or an image.

    Example:
        >>> InferenceConfig(entry_script="score.py").entry_script
        'score.py'
    """

    @known_keywords
    def __init__(
        self,
        entry_script: str | os.PathLike[str],
        runtime: str | None = None,
        conda_file: str | os.PathLike[str] | None = None,
        extra_docker_file_steps: Any = None,
        source_directory: str | os.PathLike[str] | None = None,
        enable_gpu: bool | None = None,
        description: str | None = None,
        base_image: str | None = None,
        base_image_registry: Any = None,
        cuda_version: str | None = None,
        environment: Environment | None = None,
    ) -> None:
        if environment is not None and conda_file is not None:
            raise WebserviceException("Pass either an environment or a conda_file to InferenceConfig, but not both.")
        self.entry_script = os.fspath(entry_script)
        self.runtime = runtime
        self.conda_file = None if conda_file is None else os.fspath(conda_file)
        self.extra_docker_file_steps = extra_docker_file_steps
        self.source_directory = None if source_directory is None else os.fspath(source_directory)
        self.enable_gpu = enable_gpu
        self.description = description
        self.base_image = base_image
        self.base_image_registry = base_image_registry
        self.cuda_version = cuda_version
        self.environment = environment
        self._check_image()

    def _check_image(self) -> None:
        given = [name for name in _OF_IMAGE if getattr(self, name) is not None]
        if self.environment is not None and given:
            raise WebserviceException(
                f"Pass either an environment or {given[0]} to InferenceConfig, but not both. The image can be named in "
                "the environment, too: environment.docker.base_image, with environment.docker.enabled = True."
            )
        if self.base_image_registry is not None and not hasattr(self.base_image_registry, "address"):
            raise WebserviceException(
                f"base_image_registry is a {type(self.base_image_registry).__name__}; pass a ContainerRegistry, from "
                "azureml.core.container_registry."
            )
        steps = self.extra_docker_file_steps
        if self.base_image and steps is not None and not os.path.isfile(self._inside(steps)):
            raise WebserviceException(f"There is no file '{steps}' (extra_docker_file_steps).")
        ignored = [name for name in given if name == "cuda_version" or not self.base_image]
        if ignored:
            warn(
                f"InferenceConfig: {', '.join(ignored)} {'is' if len(ignored) == 1 else 'are'} ignored. To have the "
                "service run in an image, name it: base_image='…'."
            )

    def _inside(self, path: str | os.PathLike[str]) -> str:
        """Return a path in the source folder, or else as it is."""
        inside = os.path.join(self.source_directory or "", path)
        return inside if os.path.isfile(inside) else os.fspath(path)

    @property
    def source(self) -> dict[str, Any]:
        """Where the script is: ``{"directory", "script"}`` (Trainshed extension)."""
        if self.source_directory is None:
            folder, script = os.path.split(os.path.abspath(self.entry_script))
            return {"directory": folder, "script": script, "alone": True}
        return {"directory": os.path.abspath(self.source_directory), "script": self.entry_script, "alone": False}

    def _environment(self) -> Environment:
        """Return the environment.

        Raises:
            UserErrorException: the conda file cannot be read.
        """
        if self.environment is not None:
            return self.environment
        made = Environment("inference")
        if self.conda_file is not None:
            made = Environment.from_conda_specification("inference", self._inside(self.conda_file))
        if self.base_image:
            docker = made.docker
            docker.enabled, docker.base_image = True, self.base_image
            if self.base_image_registry is not None:
                docker.base_image_registry = self.base_image_registry
            if self.extra_docker_file_steps is not None:
                with open(self._inside(self.extra_docker_file_steps), encoding="utf-8") as file:
                    docker.base_dockerfile = f"FROM {self.base_image}\n{file.read()}"
                docker.base_image = None
        return made

    def validate_configuration(self) -> None:
        """Check that the scoring script exists and has a function ``run``.

        Raises:
            WebserviceException: it does not.
        """
        check_script(self.source)

    def __repr__(self) -> str:
        return f"InferenceConfig(entry_script={self.entry_script!r}, source_directory={self.source_directory!r})"


def check_script(source: dict[str, Any]) -> str:
    """Check that a scoring script exists and has a function ``run``, and return its path relative to its folder.

    Args:
        source: as in :attr:`InferenceConfig.source`.

    Raises:
        WebserviceException: there is no such script, or it has no function ``run``.
        UserErrorException: there is no such folder, or the script is outside of it.
    """
    relative = str(check_source(source["directory"], source["script"]))
    path = os.path.join(source["directory"], relative)
    with open(path, "rb") as file:
        content = file.read()
    try:
        tree = ast.parse(content)
    except (SyntaxError, ValueError):
        return relative  # of another Python version, perhaps; the service's own Python decides
    if not any(name in ("run", "*") for name in _defined(tree)):
        raise WebserviceException(
            f"The scoring script '{path}' has no function run(data), which answers requests. Add one, such as "
            "def run(data): return model.predict(json.loads(data)['data']).tolist()"
        )
    return relative


def _defined(tree: ast.AST) -> Iterator[str]:
    """Yield the names that a module defines, and ``*`` if it imports names that are not listed."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            for each in node.names:
                yield each.asname or each.name


def staged(source: dict[str, Any]) -> tuple[str, str | None]:
    """Return the folder to upload, and a temporary folder to delete afterwards.

    Args:
        source: as in :attr:`InferenceConfig.source`; of a script alone, the other files in its folder are not uploaded.
    """
    if not source["alone"]:
        return source["directory"], None
    folder = tempfile.mkdtemp(prefix="trainshed-score-")
    shutil.copy(os.path.join(source["directory"], source["script"]), folder)
    return folder, folder
