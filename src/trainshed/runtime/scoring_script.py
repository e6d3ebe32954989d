"""The scoring script of a web service: finds its models, loads it, calls its ``init`` and ``run``."""

import importlib.util
import inspect
import json
import os
import shutil
import sys
import time
from urllib.parse import parse_qs

from trainshed.runtime.scoring_request import RAW, AMLRequest

TYPE_CHECKING = False  # type checkers treat it like typing.TYPE_CHECKING, and the import is saved
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List, Optional

    from trainshed.runtime.scoring_http import Request

MODELS = "TRAINSHED_MODELS"
"""Environment variable: folder of the models, as name/version."""
_MODELS = "azureml-models"
_PATIENCE, _PAUSE = 600.0, 1.0
"""Seconds for which models are asked for, and between two tries."""
_HEADERS = "request_headers"
"""Parameter of ``run`` that gets the headers of a request."""


class BadInput(Exception):
    """The request does not have what ``run`` needs; the sentence is for the caller."""


class UnknownKind(Exception):
    """The request's body is of a kind that ``run`` cannot have; the sentence is for the caller."""


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
    from trainshed.errors import ServiceException
    from trainshed.runtime.run import Run

    part, until = folder + ".part", time.monotonic() + _PATIENCE
    while True:
        shutil.rmtree(part, ignore_errors=True)
        os.makedirs(part)
        try:
            experiment: "Any" = Run.get_context(allow_offline=False).experiment
            Model(experiment.workspace, name, version=version).download(part, exist_ok=True)
            break
        except ServiceException:
            # From another machine, Trainshed's service cannot be reached while it does not run.
            if time.monotonic() > until:
                raise
            time.sleep(_PAUSE)
    os.rename(part, folder)  # only whole models have this name


class Script:
    """The functions of a scoring script.

    Args:
        run: answers a request.
        init: called once; None if there is none.
    """

    def __init__(self, run: "Callable[..., Any]", init: "Optional[Callable[[], Any]]" = None) -> None:
        self._run, self._init = run, init
        self.raw = bool(getattr(run, RAW, False))
        self.schemas = _schemas(run)
        parameters = _parameters(run)
        self._wants_headers = any(each.name == _HEADERS for each in parameters)
        self._parameters = [each for each in parameters if each.name != _HEADERS]
        self._first = self._parameters[0].name if self._parameters else ""

    def init(self) -> None:
        """Call the script's ``init``, if it has one."""
        if self._init is not None:
            self._init()

    def run(self, request: "Request", target: str) -> "Any":
        """Call the script's ``run`` for a request, and return what it returns.

        Args:
            request: the request.
            target: its path and query as the script may see them.

        Raises:
            BadInput: the request does not have what ``run`` needs.
            UnknownKind: its body is not JSON, which ``run`` needs.
        """
        given = self.given(request, target)
        if self._wants_headers:
            given[_HEADERS] = {name.title(): value for name, value in request.pairs}
        return self._run(**given) if self._first else self._run(*given.values())

    def given(self, request: "Request", target: str) -> "Dict[str, Any]":
        """Return what ``run`` is called with; see :meth:`run`."""
        if self.raw:
            return {self._first: AMLRequest(request.method, target, request.headers, request.body)}
        if request.method == "GET":
            asked = _asked(target)
            return {self._first: json.dumps(asked)} if self.schemas is None else self._taken(asked)
        return {self._first: _text(request.body)} if self.schemas is None else self._taken(_fields(request))

    def _taken(self, found: "Dict[str, Any]") -> "Dict[str, Any]":
        """Return the parameters of ``run`` in a request."""
        taken = {}
        for each in self._parameters:
            taken[each.name] = found.get(each.name, each.default)
            if taken[each.name] is inspect.Parameter.empty:
                raise BadInput("A value is not provided for the {!r} parameter.".format(each.name))
        return taken


def load(path: str) -> Script:
    """Return the functions of a scoring script.

    Args:
        path: its path.

    Raises:
        SystemExit: it has no function ``run``.
    """
    for each in (os.getcwd(), os.path.dirname(os.path.abspath(path))):
        if each not in sys.path:
            sys.path.insert(0, each)
    name = os.path.splitext(os.path.basename(path))[0]
    spec = importlib.util.spec_from_file_location(name if name.isidentifier() else "entry_module", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # pickle finds the classes of the script there
    spec.loader.exec_module(module)
    run = getattr(module, "run", None)
    if not callable(run):
        raise SystemExit(
            "The scoring script '{}' has no function run(data), which answers requests. Add one.".format(path)
        )
    return Script(run, getattr(module, "init", None))


def _text(body: bytes) -> str:
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadInput("Input cannot be decoded as UTF-8: {}".format(error)) from error


def _asked(target: str) -> "Dict[str, Any]":
    """Return the parameters of a query, each as JSON if it is JSON, and several of one name as a list."""
    found = {}
    for name, values in parse_qs(target.partition("?")[2], keep_blank_values=True).items():
        read = []
        for value in values:
            try:
                read.append(json.loads(value))
            except ValueError:
                read.append(value)
        found[name] = read if len(read) > 1 else read[0]
    return found


def _fields(request: "Request") -> "Dict[str, Any]":
    """Return the JSON object of a request."""
    kind = request.fields.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json" and not (kind.startswith("application/") and kind.endswith("+json")):
        raise UnknownKind("Expects Content-Type to be application/json")
    if not request.body:
        raise BadInput("POST body is empty. Expecting a JSON dictionary.")
    try:
        found = json.loads(request.body.decode("utf-8"))
    except ValueError as error:
        raise BadInput("POST body could not be decoded as JSON: {}".format(error)) from error
    if not isinstance(found, dict):
        raise BadInput("POST body should be a JSON dictionary.")
    return found


def _parameters(run: "Callable[..., Any]") -> "List[inspect.Parameter]":
    """Return the parameters that can be passed by name."""
    try:
        found = inspect.signature(run).parameters.values()
        return [each for each in found if each.kind in (each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY)]
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
