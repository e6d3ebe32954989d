"""Scoring script of ONNX models that are deployed without one.

The request is ``{"data": values}`` for a model with one input, or ``{"inputs": {name: values}}``, where values are
nested lists, or a tensor as ONNX Runtime's own server has it: ``{"dims", "dataType", "rawData" or "floatData" …}``. The
answer is ``{"outputs": {name: …}}``, in the form of the request.
"""

import base64
import json
import os

from azureml.contrib.services.aml_response import AMLResponse

TYPE_CHECKING = False  # type checkers treat it like typing.TYPE_CHECKING, and the import is saved
if TYPE_CHECKING:
    from typing import Any

_TYPES = {
    1: "float32",
    2: "uint8",
    3: "int8",
    4: "uint16",
    5: "int16",
    6: "int32",
    7: "int64",
    9: "bool",
    10: "float16",
    11: "float64",
    12: "uint32",
    13: "uint64",
}
"""ONNX's number of a type → numpy's name."""
_NAMES = {"float": "float32", "double": "float64", "string": "object"}
_LISTS = ("floatData", "doubleData", "int32Data", "int64Data", "uint64Data")
_session: "Any" = None
_refuses: "Any" = ()
"""What ONNX Runtime raises for inputs of the wrong shape or type."""


def init() -> None:
    """Load the model.

    Raises:
        SystemExit: it cannot be known which file is the model.
    """
    global _session, _refuses  # noqa: PLW0603 - what scoring scripts do
    import onnxruntime  # type: ignore[import-not-found,unused-ignore]
    from onnxruntime.capi.onnxruntime_pybind11_state import (  # type: ignore[import-not-found,unused-ignore]
        InvalidArgument,
    )

    _refuses = InvalidArgument

    folder = os.environ["AZUREML_MODEL_DIR"]
    found = sorted(os.path.join(root, name) for root, _, names in os.walk(folder) for name in names)
    if len(found) > 1:
        found = [path for path in found if path.endswith(".onnx")]
    if len(found) != 1:
        raise SystemExit(
            f"The model must have exactly one file that ends with .onnx; it has {len(found)}. "
            "Register that file alone, or deploy the model with a scoring script."
        )
    _session = onnxruntime.InferenceSession(found[0], providers=onnxruntime.get_available_providers())


def run(data: str) -> "Any":
    """Answer a request.

    Args:
        data: its body.
    """
    wanted = {each.name: each for each in _session.get_inputs()}
    try:
        asked = json.loads(data)
    except ValueError as error:
        return _refused(f"The request's body is not JSON: {error}.")
    given = asked.get("inputs") if isinstance(asked, dict) else None
    if given is None and isinstance(asked, dict) and "data" in asked and len(wanted) == 1:
        given = {next(iter(wanted)): asked["data"]}
    if not isinstance(given, dict) or set(given) != set(wanted):
        listed = ", ".join(f'"{name}": {each.type} {each.shape}' for name, each in wanted.items())
        return _refused(f"The request's body must be an object with the model's inputs: {{\"inputs\": {{{listed}}}}}.")
    names = asked.get("outputFilter") or [each.name for each in _session.get_outputs()]
    try:
        arrays = {name: _array(value, wanted[name].type) for name, value in given.items()}
        answers = _session.run(names, arrays)
    except (ValueError, TypeError, KeyError, StopIteration) as error:
        return _refused(f"The inputs are not tensors: {error}")
    except _refuses as error:
        return _refused(str(error))
    tensors = any(isinstance(value, dict) for value in given.values())
    return {"outputs": {name: _told(value, tensors) for name, value in zip(names, answers)}}  # noqa: B905 - Python 3.8


def _array(value: "Any", kind: str) -> "Any":
    import numpy as np

    if not isinstance(value, dict):
        name = kind[len("tensor(") : -1]
        return np.array(value, dtype=_NAMES.get(name, name))
    name = _TYPES[int(value["dataType"])]
    dims = [int(each) for each in value.get("dims", [])]
    if "rawData" in value:
        return np.frombuffer(base64.b64decode(value["rawData"]), dtype=name).reshape(dims)
    values = next(value[each] for each in _LISTS if each in value)
    return np.array([float(each) if "float" in name else int(each) for each in values], dtype=name).reshape(dims)


def _told(value: "Any", tensors: bool) -> "Any":
    if not hasattr(value, "tolist"):
        return value  # a sequence or a map of ONNX
    kinds = {name: number for number, name in _TYPES.items()}
    if not tensors or str(value.dtype) not in kinds:
        return value.tolist()
    raw = base64.b64encode(value.tobytes()).decode("ascii")
    return {"dims": [str(each) for each in value.shape], "dataType": kinds[str(value.dtype)], "rawData": raw}


def _refused(sentence: str) -> AMLResponse:
    return AMLResponse({"message": sentence}, 400, json_str=True)
