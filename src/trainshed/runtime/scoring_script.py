"""The scoring script of a web service: finds its models, loads it, calls its ``init`` and ``run``."""

import importlib.util
import inspect
import json
import os
import shutil
import sys

from trainshed.runtime.scoring_request import RAW, AMLRequest

TYPE_CHECKING = False  # type checkers treat it like typing.TYPE_CHECKING, and the import is saved
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List, Optional

MODELS = "TRAINSHED_MODELS"
"""Environment variable: folder of the models, as name/version."""
_MODELS = "azureml-models"


class BadInput(Exception):
    """The request does not have what ``run`` needs; the sentence is for the caller."""


def lay_models(models: "List[str]", into: str) -> None:
    """Download the models as SDK v1 laid them out, and tell the script where they are.

    Args:
        models: ids, ``name:version``.
        into: folder of the service.
    """
    root = os.path.join(into, _MODELS)
    os.makedirs(root, exist_ok=True)
    for each in models:
        name, _, version = each.rpartition(":")
        folder = os.path.join(root, name, version)
        if not os.path.isdir(folder):
            _download(name, int(version), folder)
    os.environ[MODELS] = root
    only = models[0].rpartition(":") if len(models) == 1 else None
    os.environ["AZUREML_MODEL_DIR"] = os.path.join(root, only[0], only[2]) if only else root


def lay_source(name: str) -> None:
    """Let the script find its files below the name of their folder, as in SDK v1, and directly.

    Args:
        name: of the source directory; ``""`` if there is none.
    """
    if name and not os.path.lexists(name):
        os.symlink(".", name)


def _download(name: str, version: int, folder: str) -> None:
    # Only services that have models import the whole client.
    from azureml.core.model import Model  # type: ignore[import-not-found,unused-ignore]
    from trainshed.runtime.run import Run

    part = folder + ".part"
    shutil.rmtree(part, ignore_errors=True)
    os.makedirs(part)
    experiment: "Any" = Run.get_context(allow_offline=False).experiment
    Model(experiment.workspace, name, version=version).download(part, exist_ok=True)
    os.rename(part, folder)  # only whole models have this name


class Script:
    """A scoring script that has been loaded.

    Args:
        path: its path.

    Raises:
        SystemExit: it has no function ``run``.
    """

    def __init__(self, path: str) -> None:
        folder = os.path.dirname(os.path.abspath(path))
        for each in (os.getcwd(), folder):
            if each not in sys.path:
                sys.path.insert(0, each)
        name = os.path.splitext(os.path.basename(path))[0]
        spec = importlib.util.spec_from_file_location(name if name.isidentifier() else "entry_module", path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module  # pickle finds the classes of the script there
        spec.loader.exec_module(module)
        self._init: "Optional[Callable[[], Any]]" = getattr(module, "init", None)
        run = getattr(module, "run", None)
        if not callable(run):
            raise SystemExit(
                "The scoring script '{}' has no function run(data), which answers requests. Add one.".format(path)
            )
        self._run: "Callable[..., Any]" = run
        self.raw = bool(getattr(run, RAW, False))
        self.schemas = _schemas(run)
        self._parameters = _parameters(run)

    def init(self) -> None:
        """Call the script's ``init``, if it has one."""
        if self._init is not None:
            self._init()

    def run(self, method: str, target: str, headers: "Any", body: bytes) -> "Any":
        """Call the script's ``run`` for a request, and return what it returns.

        Args:
            method: of the request.
            target: its path and query.
            headers: its headers.
            body: its body.

        Raises:
            BadInput: the request does not have what ``run`` needs.
        """
        if self.raw:
            return self._run(AMLRequest(method, target, headers, body))
        args = AMLRequest(method, target, headers, body).args if method == "GET" else None
        if self.schemas is not None:
            return self._run(**(args if args is not None else self._fields(body)))
        if args is not None:
            if set(args) == set(self._parameters) and args:
                return self._run(**args)
            return self._run(json.dumps(args))
        try:
            return self._run(body.decode("utf-8"))
        except UnicodeDecodeError as error:
            if error.object is not body:
                raise
            raise BadInput(
                "The request's body is not text. To receive other data, write @rawhttp before run(request)."
            ) from error

    def _fields(self, body: bytes) -> "Dict[str, Any]":
        try:
            found = json.loads(body.decode("utf-8"))
        except ValueError as error:
            raise BadInput("The request's body is not JSON: {}".format(error)) from error
        if not isinstance(found, dict):
            raise BadInput(
                "The request's body must be a JSON object with the parameters of run: {}.".format(
                    ", ".join(self._parameters)
                )
            )
        missing = [name for name in self._parameters if name not in found]
        unknown = [name for name in found if name not in self._parameters]
        if missing or unknown:
            raise BadInput(
                "The request's body must have the parameters of run: {}. {}{}".format(
                    ", ".join(self._parameters),
                    "Missing: {}. ".format(", ".join(missing)) if missing else "",
                    "Unknown: {}.".format(", ".join(unknown)) if unknown else "",
                ).strip()
            )
        return dict(found)


def _parameters(run: "Callable[..., Any]") -> "List[str]":
    try:
        return list(inspect.signature(run).parameters)
    except (TypeError, ValueError):
        return []


def _schemas(run: "Callable[..., Any]") -> "Optional[Dict[str, Any]]":
    """Return the schemas of input and output if ``run`` is decorated by inference-schema, else None."""
    if "inference_schema" not in sys.modules:
        return None
    from inference_schema import schema_util  # type: ignore[import-not-found,unused-ignore]

    if not schema_util.is_schema_decorated(run):
        return None
    return {"input": schema_util.get_input_schema(run), "output": schema_util.get_output_schema(run)}
