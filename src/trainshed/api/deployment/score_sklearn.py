"""Scoring script of scikit-learn models that are deployed without one.

The request is ``{"data": rows, "method": "predict"}``. A row is a list, or an object with the columns' names. The
method is ``predict_proba`` if the model has it and no other is asked for, else ``predict``. The answer is
``{method: values}``.
"""

import json
import os

from azureml.contrib.services.aml_response import AMLResponse

TYPE_CHECKING = False  # type checkers treat it like typing.TYPE_CHECKING, and the import is saved
if TYPE_CHECKING:
    from typing import Any

_SUFFIXES = (".pkl", ".pickle", ".joblib", ".sav")
_METHODS = ("predict", "predict_proba", "predict_log_proba", "decision_function", "transform")
_EXAMPLE = '{"data": [[0.1, 0.2], [0.3, 0.4]]}'
_TABLE = 2
_model: "Any" = None


def init() -> None:
    """Load the model.

    Raises:
        SystemExit: it cannot be known which file is the model, or it has no method ``predict``.
    """
    global _model  # noqa: PLW0603 - what scoring scripts do
    import joblib  # type: ignore[import-untyped,unused-ignore]

    _model = joblib.load(_file(os.environ["AZUREML_MODEL_DIR"]))
    if not callable(getattr(_model, "predict", None)):
        raise SystemExit(
            f"The model is a {type(_model).__name__}, which has no method predict. Deploy it with a scoring script."
        )


def _file(folder: str) -> str:
    found = sorted(os.path.join(root, name) for root, _, names in os.walk(folder) for name in names)
    if len(found) > 1:
        found = [path for path in found if path.endswith(_SUFFIXES)]
    if len(found) != 1:
        raise SystemExit(
            f"The model must have exactly one file that ends with {', '.join(_SUFFIXES)}; it has {len(found)}. "
            "Register that file alone, or deploy the model with a scoring script."
        )
    return found[0]


def run(data: str) -> "Any":
    """Answer a request.

    Args:
        data: its body.
    """
    try:
        asked = json.loads(data)
    except ValueError as error:
        return _refused(f"The request's body is not JSON: {error}. Send {_EXAMPLE}")
    if not isinstance(asked, dict) or not isinstance(asked.get("data"), list) or not asked["data"]:
        return _refused(f"The request's body must be an object with the rows to score in 'data': {_EXAMPLE}")
    there = [name for name in _METHODS if hasattr(_model, name)]
    method = asked.get("method") or ("predict_proba" if "predict_proba" in there else "predict")
    if method not in there:
        return _refused(f"The model has no method '{method}'. It has: {', '.join(there)}.")
    try:
        rows = _table(asked["data"])
    except (ValueError, TypeError, KeyError) as error:
        return _refused(f"The rows are not those of a table: {error}")
    needed = getattr(_model, "n_features_in_", None)
    if rows.ndim != _TABLE or needed not in (None, rows.shape[1]):
        had = f"rows of {rows.shape[1]} values" if rows.ndim == _TABLE else f"{rows.ndim} dimensions"
        return _refused(f"The data has {had}; the model wants rows of {needed or 'the same number of'} values.")
    return {method: getattr(_model, method)(rows).tolist()}


def _table(rows: "Any") -> "Any":
    names = getattr(_model, "feature_names_in_", None)
    objects = isinstance(rows[0], dict)
    if objects or (names is not None and isinstance(rows[0], list) and len(rows[0]) == len(names)):
        import pandas as pd

        columns = None if names is None else list(names)
        if objects:
            return pd.DataFrame(rows) if columns is None else pd.DataFrame(rows)[columns]
        return pd.DataFrame(rows, columns=columns)
    import numpy as np

    return np.array(rows)


def _refused(sentence: str) -> AMLResponse:
    return AMLResponse({"message": sentence}, 400, json_str=True)
