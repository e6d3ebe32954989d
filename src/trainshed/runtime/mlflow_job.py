"""What MLflow's clients see in a job: its run, the runs made in it, and the models that they logged."""

import os
import threading
from time import time

from trainshed.runtime import tables
from trainshed.runtime.mlflow_words import (
    ARTIFACTS,
    PARAM,
    STATUS,
    Refused,
    conflict,
    experiment_shown,
    fresh,
    labels,
    point,
    points,
    run_shown,
)

TYPE_CHECKING = False  # type checkers treat it like typing.TYPE_CHECKING, and the import is saved
if TYPE_CHECKING:
    from typing import Any

    from trainshed.runtime.run import Run


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
        self._since = time()

    @property
    def experiment(self) -> "dict[str, Any]":
        """The experiment of the run, in MLflow's words."""
        return experiment_shown(self.name, self.name, self._since, artifact_location=ARTIFACTS + self.run.id)

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

    def whole(self, run_id: str, name: "str | None" = None, status: "str | None" = None) -> "dict[str, Any]":
        """Return a run with its newest metrics, its parameters and its tags.

        Args:
            run_id: its id.
            name: what to show as its name.
            status: what to show as its status.
        """
        run = self.find(run_id)
        known = "RUNNING" if run is self.run else STATUS.get(run.get_status(), "RUNNING")
        info = {
            "run_id": run_id,
            "run_name": name or run.display_name or run_id,
            "experiment_id": self.name,
            "user_id": os.environ.get("USER", ""),
            "status": status or known,
            "start_time": int(self._since * 1000),
        }
        tags, properties = run.get_tags(), run.get_properties()
        params = {name[len(PARAM) :]: value for name, value in properties.items() if name.startswith(PARAM)}
        return run_shown(info, self._newest(run), params, tags)

    def _newest(self, run: "Any") -> "list[dict[str, Any]]":
        """Return the newest point of each metric: that of the highest step."""
        if run is not self.run:
            last = {key: value[-1] if isinstance(value, list) else value for key, value in run.get_metrics().items()}
            return [point(key, value, 0, time()) for key, value in last.items() if isinstance(value, (int, float))]
        newest: "dict[str, dict[str, Any]]" = {}
        for each in self._points(None):
            old = newest.get(each["key"])
            if old is None or (each["step"], each["timestamp"]) >= (old["step"], old["timestamp"]):
                newest[each["key"]] = each
        return list(newest.values())

    def history(self, run_id: str, key: str) -> "list[dict[str, Any]]":
        """Return all points of a metric, in the order in which they were logged."""
        run = self.find(run_id)
        if run is self.run:
            return self._points(key)
        return [
            point(key, value, step or 0, at) for step, at, value in run.series(key) if isinstance(value, (int, float))
        ]

    def _points(self, key: "str | None") -> "list[dict[str, Any]]":
        found = []
        for event in tables.events(os.path.join(self.run.folder, "journal.jsonl")):
            if event.get("k") == "metric" and key in (None, event.get("n")):
                value = float(event["x"]) if "x" in event else event.get("v")
                if isinstance(value, (int, float)):
                    found.append(point(str(event["n"]), value, event.get("s", 0), float(event.get("t", 0))))
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
        for each in fresh(points(metrics), lambda key: self.history(run_id, key)):
            # Those of a model come twice: for its run, and for itself.
            key, facts = each["key"], (each["value"], each["step"], each["timestamp"])
            if self._last.get((run_id, key)) == facts:
                continue
            self._last[run_id, key] = facts
            run.log(key, each["value"], step=each["step"])

    def set_params(self, run_id: str, params: "list[dict[str, Any]]") -> None:
        """Store parameters; as in MLflow, their values cannot change.

        Raises:
            Refused: another value is there.
        """
        if not params:
            return
        run, new = self.find(run_id), labels(params, "params")
        with self.lock:
            there = run.get_properties()
            conflict(there, new)
            added = {PARAM + name: value for name, value in new.items() if PARAM + name not in there}
            if added:
                run.add_properties(added)
