"""Packages: container images of web services, or the folders that they are built of."""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
import weakref
from typing import TYPE_CHECKING, Any

from trainshed.api.configuration.runconfig_sections import ContainerRegistry
from trainshed.api.data.model_files import download_model, find_entry
from trainshed.client.notice import say
from trainshed.errors import WebserviceException

if TYPE_CHECKING:
    from trainshed.api.deployment.inference_config import InferenceConfig
    from trainshed.api.protocols import WorkspaceLike

_ENGINE = "TRAINSHED_CONTAINER_ENGINE"
_STOCK = "mcr.microsoft.com/azureml/"
_APP, _TREE, _REQUIREMENTS, _FACTS = "azureml-app", "trainshed-runtime", "requirements.txt", "trainshed-service.json"
_NAME = re.compile(r"[a-z0-9]+([._/-][a-z0-9]+)*\Z")
_LABEL = re.compile(r"[\w][\w.-]{0,127}\Z", re.ASCII)
_SHOWN = 20
_PAUSE = 0.1
_DOCKERFILE = """{base}
{install}COPY {tree} /var/{tree}
COPY {app} /var/{app}
ENV PYTHONPATH=/var/{tree} PYTHONUNBUFFERED=1 AML_APP_ROOT=/var/{app}
{variables}WORKDIR /var/{app}
EXPOSE 5001
CMD ["python3", "-m", "trainshed.runtime.scoring_packaged"]
"""


class ModelPackage:
    """A container image of a web service, or the folder that it is built of. Created by :meth:`Model.package`.

    Args:
        workspace: workspace of the models.
        folder: the folder.
        image: name of the image that is being built; ``""`` if none is.
        engine: path of podman or docker.
    """

    def __init__(self, workspace: WorkspaceLike, folder: str, image: str, engine: str) -> None:
        self.workspace = workspace
        self._folder, self._image = folder, image
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        self.created_time = dt.datetime.now(dt.timezone.utc)
        self._build: subprocess.Popen[bytes] | None = None
        self._log = os.path.join(folder, "build.log")
        if image:
            with open(self._log, "wb") as log:
                self._build = subprocess.Popen(
                    [engine, "build", "--tag", image, os.path.join(folder, "image")],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                )

    @property
    def location(self) -> str:
        """Name of the image, or path of the folder with the Dockerfile."""
        return self._image or os.path.join(self._folder, "image")

    @property
    def state(self) -> str:
        """``"Running"``, ``"Succeeded"`` or ``"Failed"``."""
        code = 0 if self._build is None else self._build.poll()
        return "Running" if code is None else "Failed" if code else "Succeeded"

    def wait_for_creation(self, show_output: bool = False) -> None:
        """Wait until the image has been built.

        Args:
            show_output: print the output of the build as it arrives.

        Raises:
            WebserviceException: it cannot be built; the message has the end of the output.
        """
        shown = 0
        while True:
            ended = self.state != "Running"
            lines = self.get_logs().splitlines()
            for line in lines[shown:] if show_output and ended else lines[shown:-1] if show_output else ():
                say(line)
                shown += 1
            if ended:
                break
            time.sleep(_PAUSE)
        if self.state == "Failed":
            end = "\n".join(self.get_logs().splitlines()[-_SHOWN:])
            raise WebserviceException(f"The image '{self._image}' could not be built:\n{end}")
        if show_output:
            say(f"Package creation Succeeded: {self.location}")

    def get_logs(self) -> str:
        """Return the output of the build."""
        if not os.path.exists(self._log):
            return ""
        with open(self._log, encoding="utf-8", errors="replace") as file:
            return file.read()

    def pull(self) -> str:
        """Wait for the image, which is on this machine then, and return its name.

        Raises:
            WebserviceException: the package is a folder with a Dockerfile, or the image cannot be built.
        """
        if not self._image:
            raise WebserviceException(
                "The package is a folder with a Dockerfile. Call its save(folder), then: docker build folder"
            )
        self.wait_for_creation()
        say(f"The image is on this machine: {self._image}")
        return self._image

    def save(self, output_directory: str) -> None:
        """Copy the folder with the Dockerfile and everything that the image is built of.

        Args:
            output_directory: folder to write to, created if necessary.
        """
        shutil.copytree(os.path.join(self._folder, "image"), output_directory, dirs_exist_ok=True)

    def get_container_registry(self) -> ContainerRegistry:
        """Return a registry without address and account: the image is only on this machine."""
        return ContainerRegistry()

    def serialize(self) -> dict[str, Any]:
        """Return the package as a JSON-serializable dict."""
        return {"location": self.location, "state": self.state, "createdTime": self.created_time.isoformat()}

    def __repr__(self) -> str:
        return f"ModelPackage(workspace={self.workspace!r}, location={self.location!r}, state={self.state!r})"


def engine() -> str:
    """Return the path of podman or docker on this machine.

    Raises:
        WebserviceException: there is neither.
    """
    chosen = os.environ.get(_ENGINE)
    for name in [chosen] if chosen else ["podman", "docker"]:
        found = shutil.which(os.path.expanduser(name))
        if found:
            return found
    missing = f"{_ENGINE} names '{chosen}', which does not exist" if chosen else "neither podman nor docker is here"
    raise WebserviceException(
        f"An image cannot be built on this machine: {missing}. Install one (apt-get install podman), or pass "
        "generate_dockerfile=True, which makes a folder that can be built elsewhere."
    )


def image_name(name: str | None, label: str | None) -> str:
    """Return the name of an image.

    Args:
        name: name of the package. Default: ``"package"``.
        label: label of the image. Default: the time.

    Raises:
        WebserviceException: one of them is invalid.

    Example:
        >>> image_name("digits", "1")
        'digits:1'
    """
    name, label = name or "package", label or time.strftime("%Y%m%d%H%M%S", time.gmtime())
    if not _NAME.match(name) or not _LABEL.match(label):
        raise WebserviceException(
            f"Invalid name of an image: '{name}:{label}'. Use lower-case letters, digits and single '-', '_', '.' or "
            "'/' between them, and for the label letters, digits, '-', '_' and '.'."
        )
    return f"{name}:{label}"


def lay_out(
    workspace: WorkspaceLike,
    inference_config: InferenceConfig,
    models: list[str],
    script: str,
    source: str,
    recipe: dict[str, Any],
) -> str:
    """Return a folder in which ``image`` has everything that an image is built of.

    Args:
        workspace: workspace of the models.
        inference_config: scoring script and environment.
        models: ids of the models.
        script: path of the scoring script, relative to its source.
        source: folder with the source.
        recipe: what the service says of the packages and its programs.
    """
    made = tempfile.mkdtemp(prefix="trainshed-package-")
    root = os.path.join(made, "image")
    app = os.path.join(root, _APP)
    shutil.copytree(source, app, ignore=shutil.ignore_patterns("__pycache__", ".git"))
    for each in models:
        name, _, version = each.rpartition(":")
        entry = find_entry(workspace.connection, name, int(version), (None, None, None, None))
        download_model(workspace.connection, entry, os.path.join(app, "azureml-models", name, version), False)
    folder = os.path.basename(inference_config.source["directory"])
    alone = inference_config.source.get("alone", True)
    facts = {"name": "package", "script": script, "models": models, "folder": "" if alone else folder}
    _write(os.path.join(app, _FACTS), json.dumps(facts, indent=1))
    for name, text in recipe["files"].items():
        _write(os.path.join(root, _TREE, *name.split("/")), text)
    _write(os.path.join(root, _REQUIREMENTS), "".join(f"{line}\n" for line in recipe["requirements"]))
    _write(os.path.join(root, "Dockerfile"), _dockerfile(inference_config, recipe))
    return made


def _dockerfile(inference_config: InferenceConfig, recipe: dict[str, Any]) -> str:
    environment = inference_config._environment()
    docker = environment.docker
    named = docker.base_image if docker.base_image and not docker.base_image.startswith(_STOCK) else ""
    base = f"FROM {named or 'docker.io/library/python:' + recipe['python'] + '-slim'}"
    if docker.base_dockerfile:
        base = docker.base_dockerfile
        if os.path.isfile(base):
            with open(base, encoding="utf-8") as file:
                base = file.read()
    install = (
        f"COPY {_REQUIREMENTS} /tmp/{_REQUIREMENTS}\n"
        f"RUN python3 -m pip install --no-cache-dir --requirement /tmp/{_REQUIREMENTS}\n"
    )
    variables = {name: value for name, value in environment.environment_variables.items() if name != "EXAMPLE_ENV_VAR"}
    return _DOCKERFILE.format(
        base=base.strip(),
        install=install if any(not line.startswith("-") for line in recipe["requirements"]) else "",
        tree=_TREE,
        app=_APP,
        variables="".join(f"ENV {name}={json.dumps(str(value))}\n" for name, value in variables.items()),
    )


def _write(path: str, text: str) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
