"""What a scoring script collects of its inputs and predictions, as ``azureml.monitoring`` of SDK v1 did."""

import csv
import io
import os
import sys
import time
import uuid

TYPE_CHECKING = False  # type checkers treat it like typing.TYPE_CHECKING, and the import is saved
if TYPE_CHECKING:
    from typing import Any, List, Optional, Sequence

ENABLED = "AML_MODEL_DC_STORAGE_ENABLED"
"""Environment variable: ``"true"`` if the service was deployed with ``collect_model_data=True``."""
_FOLDER = os.path.join("outputs", "modeldata")
_OWN = ("$aml_dc_correlation_id", "$aml_dc_scoring_timestamp")
_DISABLED = (
    "The data given to ModelDataCollector are not kept: deploy the web service with collect_model_data=True, or set "
    f"{ENABLED}=true in its environment.\n"
)


class ModelDataCollector:
    """Keeps rows in files of the run that the web service is, if it was deployed with ``collect_model_data=True``.

    They are ``outputs/modeldata/<model>/<version>/<designation>/<year>/<month>/<day>/data.csv``; each row has an id and
    the time.

    Args:
        model_name: name of the model.
        designation: name of what is collected, e.g. ``"inputs"`` or ``"predictions"``.
        feature_names: names of the columns.
        model_version: version of the model.
        identifier: earlier name of ``designation``.
        ignored: further parameters of SDK v1, which had a part in the path.

    Example:
        >>> inputs = ModelDataCollector("digits", designation="inputs", feature_names=["width", "height"])
        >>> inputs.collect([[3, 4], [5, 6]])
    """

    def __init__(
        self,
        model_name: str,
        designation: str = "default",
        feature_names: "Optional[Sequence[str]]" = None,
        model_version: "Any" = 1,
        identifier: "Optional[str]" = None,
        **ignored: "Any",
    ) -> None:
        names = (model_name, str(model_version), identifier or designation)
        if not all(name.strip(".") and "/" not in name and "\\" not in name for name in names):
            raise ValueError(f"ModelDataCollector: {names} would be folders; none may be empty or contain a slash.")
        self._folder = os.path.join(os.getcwd(), _FOLDER, *names)
        self._names = list(feature_names or ())
        self._enabled = os.environ.get(ENABLED, "").lower() == "true"
        if not self._enabled:
            sys.stderr.write(_DISABLED)

    def collect(self, input_data: "Any", user_correlation_id: str = "") -> None:
        """Keep rows.

        Args:
            input_data: a table of pandas, an array of NumPy, a list of rows, or one row; if there is one column, a list
                of its values.
            user_correlation_id: an id for these rows. Default: a new one.
        """
        if not self._enabled:
            return
        rows, now = _rows(input_data, len(self._names)), time.time()
        day = time.strftime("%Y/%m/%d", time.gmtime(now))
        own = [user_correlation_id or str(uuid.uuid4()), time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now))]
        names = self._names or [str(name) for name in getattr(input_data, "columns", ())]
        path = os.path.join(self._folder, *day.split("/"), "data.csv")
        os.makedirs(os.path.dirname(path), exist_ok=True)
        try:
            with open(path, "x") as file:
                file.write(_text([[*_OWN, *names]]))
        except FileExistsError:
            pass  # another call, or another process of the service, has begun it
        with open(path, "a") as file:  # a single write, so that processes do not mix their rows
            file.write(_text([[*own, *row] for row in rows]))


def _rows(data: "Any", columns: int) -> "List[List[Any]]":
    values = getattr(data, "values", data)
    values = values.tolist() if hasattr(values, "tolist") else values
    rows = list(values) if isinstance(values, (list, tuple)) else [values]
    if columns != 1 and not any(isinstance(row, (list, tuple)) for row in rows):
        return [rows]  # one row
    return [list(row) if isinstance(row, (list, tuple)) else [row] for row in rows]


def _text(rows: "List[List[Any]]") -> str:
    made = io.StringIO()
    csv.writer(made, lineterminator="\n").writerows(rows)
    return made.getvalue()
