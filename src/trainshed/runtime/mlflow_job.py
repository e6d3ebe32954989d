"""What MLflow's clients see in a job: its run, the runs made in it, and the models that they logged."""

import json
import os
import threading
from time import time

from trainshed.runtime import tables

TYPE_CHECKING = False  # type checkers treat it like typing.TYPE_CHECKING, and the import is saved
if TYPE_CHECKING:
    from typing import Any

    from trainshed.runtime.run import Run

PARAM = "mlflow.param."
"""Begins the names of the properties that hold MLflow's parameters."""
_INFINITY = float("inf")
_STATUS = {"Completed": "FINISHED", "Failed": "FAILED", "Canceled": "KILLED"}


class Refused(Exception):
    """A request that cannot be answered.

    Args:
        code: MLflow's code of the error.
        message: for the user.
        status: of HTTP.
    """

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code, self.status = code, status

    def body(self) -> "dict[str, str]":
        """Return the answer."""
        return {"error_code": self.code, "message": str(self)}


class Job:
    """One job.

    Args:
        run: its run.

    Attributes:
        run: its run.
        children: runs that MLflow's clients have made in it, as the service knows them; by their ids.
        name: of the experiment.
        models: what MLflow 3 calls logged models, by their ids.
    """

    def __init__(self, run: "Run") -> None:
        self.run = run
        self.children: "dict[str, Any]" = {}
        self.models: "dict[str, dict[str, Any]]" = {}
        self.name = os.environ.get("AZUREML_EXPERIMENT_ID", "")
        self.lock = threading.RLock()
        self._last: "dict[tuple[str, str], tuple[float, int, object]]" = {}
        self._since = int(time() * 1000)

    @property
    def experiment(self) -> "dict[str, Any]":
        """The experiment of the run, in MLflow's words."""
        return {
            "experiment_id": self.name,
            "name": self.name,
            "artifact_location": f"mlflow-artifacts:/{self.run.id}",
            "lifecycle_stage": "active",
            "creation_time": self._since,
            "last_update_time": self._since,
            "tags": [],
        }

    def find(self, run_id: str) -> "Any":
        """Return a run: what records on it.

        Args:
            run_id: its id.

        Raises:
            Refused: it is another job's.
        """
        if run_id == self.run.id:
            return self.run
        if run_id in self.children:
            return self.children[run_id]
        raise Refused(
            "RESOURCE_DOES_NOT_EXIST",
            f"There is no run '{run_id}' in this job. Its own run is '{self.run.id}'; other runs are reached by "
            "Workspace.get_run.",
            404,
        )

    def info(self, run_id: str, name: "str | None" = None) -> "dict[str, Any]":
        """Return what MLflow calls the info of a run."""
        run = self.find(run_id)
        status = "RUNNING" if run is self.run else _STATUS.get(run.get_status(), "RUNNING")
        return {
            "run_id": run_id,
            "run_uuid": run_id,
            "run_name": name or run.display_name or run_id,
            "experiment_id": self.name,
            "user_id": os.environ.get("USER", ""),
            "status": status,
            "start_time": self._since,
            "artifact_uri": f"mlflow-artifacts:/{run_id}",
            "lifecycle_stage": "active",
        }

    def whole(self, run_id: str) -> "dict[str, Any]":
        """Return a run with its newest metrics, its parameters and its tags."""
        run = self.find(run_id)
        tags, properties = run.get_tags(), run.get_properties()
        if run is self.run:
            newest: "dict[str, dict[str, Any]]" = {}
            for point in self._points(None):
                old = newest.get(point["key"])
                if old is None or (point["step"], point["timestamp"]) >= (old["step"], old["timestamp"]):
                    newest[point["key"]] = point
            metrics = list(newest.values())
        else:
            last = {key: value[-1] if isinstance(value, list) else value for key, value in run.get_metrics().items()}
            metrics = [_point(key, value, 0, time()) for key, value in last.items() if isinstance(value, (int, float))]
        params = {name[len(PARAM) :]: value for name, value in properties.items() if name.startswith(PARAM)}
        return {
            "info": self.info(run_id),
            "data": {
                "metrics": metrics,
                "params": [{"key": key, "value": value} for key, value in params.items()],
                "tags": [{"key": key, "value": value or ""} for key, value in tags.items()],
            },
            "inputs": {},
        }

    def history(self, run_id: str, key: str) -> "list[dict[str, Any]]":
        """Return all points of a metric, in the order in which they were logged."""
        run = self.find(run_id)
        if run is self.run:
            return self._points(key)
        found = run.get_metrics(name=key).get(key, [])
        return [
            _point(key, value, at, time()) for at, value in enumerate(found if isinstance(found, list) else [found])
        ]

    def _points(self, key: "str | None") -> "list[dict[str, Any]]":
        found = []
        for event in tables.events(os.path.join(self.run.folder, "journal.jsonl")):
            if event.get("k") == "metric" and key in (None, event.get("n")):
                value = float(event["x"]) if "x" in event else event.get("v")
                if isinstance(value, (int, float)):
                    found.append(_point(str(event["n"]), value, event.get("s", 0), float(event.get("t", 0))))
        return found

    def log(self, run_id: str, metrics: "list[dict[str, Any]]") -> None:
        """Store points of metrics, all or none.

        Args:
            run_id: the run.
            metrics: points in MLflow's words.

        Raises:
            Refused: a value is no number.
        """
        run = self.find(run_id)
        points = [(str(each["key"]), _as_number(each.get("value", 0.0)), _step(each), each) for each in metrics]
        for key, value, step, each in points:
            # MLflow sends a model's points twice: for its run, and for itself.
            point = (value, step, each.get("timestamp"))
            if self._last.get((run_id, key)) != point:
                self._last[run_id, key] = point
                run.log(key, value, step=step)

    def set_params(self, run_id: str, params: "list[dict[str, Any]]") -> None:
        """Store parameters; as in MLflow, their values cannot change.

        Raises:
            Refused: another value is there.
        """
        if not params:
            return
        run = self.find(run_id)
        with self.lock:
            there = run.get_properties()
            new = {f"{PARAM}{each['key']}": str(each.get("value", "")) for each in params}
            for name, value in new.items():
                if there.get(name, value) != value:
                    raise Refused(
                        "INVALID_PARAMETER_VALUE",
                        f"Changing param values is not allowed. Param with key='{name[len(PARAM) :]}' was already "
                        f"logged with value='{there[name]}'; attempted to log new value '{value}'.",
                    )
            missing = {name: value for name, value in new.items() if name not in there}
            if missing:
                run.add_properties(missing)


def _point(key: str, value: "float", step: int, moment: float) -> "dict[str, Any]":
    # As JSON lacks them, MLflow spells the others out.
    finite = -_INFINITY < value < _INFINITY
    shown: "float | str" = value if finite else {"nan": "NaN", "inf": "Infinity"}.get(repr(float(value)), "-Infinity")
    return {"key": key, "value": shown, "step": step, "timestamp": int(moment * 1000)}


def labels(given: "Any") -> "dict[str, str]":
    """Return a list of MLflow's tags as a dict."""
    return {str(each["key"]): str(each.get("value", "")) for each in given or ()}


def _step(point: "dict[str, Any]") -> int:
    step = point.get("step") or 0
    try:
        return int(step)
    except (TypeError, ValueError):
        raise Refused("INVALID_PARAMETER_VALUE", f"A step must be a whole number, not {json.dumps(step)}.") from None


def _as_number(value: "Any") -> float:
    """Return a metric's value; MLflow spells those that JSON lacks as text.

    Raises:
        Refused: it is no number.
    """
    try:
        return float(value)
    except (TypeError, ValueError):
        raise Refused(
            "INVALID_PARAMETER_VALUE", f"A metric's value must be a number, not {json.dumps(value)}."
        ) from None
