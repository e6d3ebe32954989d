"""Shows a run in a notebook and refreshes it while it is running; outside a notebook, prints text."""

from __future__ import annotations

import atexit
import contextlib
import sys
import threading
from typing import Any

from trainshed.api.runs.watch import headline, report, reported
from trainshed.client.follow import wait
from trainshed.errors import NotFoundException, ServiceException, TrainshedError
from trainshed.spec import states

_WAIT = 2
"""Maximum time between two updates of a running run, in seconds. The end of a run is shown immediately."""
_TAIL_LINES = 20
_EVENTS = ("pre_run_cell", "post_run_cell")
_LOGS = ("user_logs/std_log.txt", "azureml-logs/70_driver_log.txt", "logs/user_log.txt", "azureml-logs/hyperdrive.txt")


class RunDetails:
    """Shows a run: status, charts, tables and images, the end of the log, files, child runs, links to their pages.

    Args:
        run_instance: the run.

    Example:
        >>> RunDetails(run).show()  # outside a notebook, prints text
        Run ... of examples: Completed
          accuracy: 0.9
        ...
    """

    def __init__(self, run_instance: Any) -> None:
        self._run = run_instance
        self._widget: Any = None
        self._ended = False

    def show(self, render_lib: Any = None, widget_settings: Any = None) -> None:
        """Show the run: in a notebook as a widget that is updated while the run is running, elsewhere as text.

        This method does not wait for the run. If the run fails later, the error is printed to stderr, in a notebook
        by the next cell.

        Args:
            render_lib: ignored.
            widget_settings: ignored.
        """
        ended = states.is_terminal(self._run.get_status())
        if _in_notebook():
            import ipywidgets  # an optional package, which takes half a second to import
            from IPython.display import display

            self._widget = ipywidgets.HTML(self._html())
            display(self._widget)  # type: ignore[no-untyped-call]
        else:
            data = self.get_widget_data()
            sys.stdout.write(self._text(data) + "\n")
            if data["status"] == states.FAILED:
                reported.add(self._run.id)  # the text has the error
        if ended:
            report(self._run)  # also where a widget cannot be drawn, as in a notebook without a browser
            return
        shell, submitted = _shell(), self._run._is_submitted()
        if submitted and shell is not None:
            for event in _EVENTS:
                shell.events.register(event, self._at_cell)
        elif submitted:
            atexit.register(self._at_exit)
        arguments = (submitted and shell is None,)  # a program knows how a run ended that it logs by itself
        threading.Thread(target=self._follow, args=arguments, name=f"RunDetails {self._run.id}", daemon=True).start()

    def _follow(self, reports: bool) -> None:
        """Update the widget regularly until the run has ended.

        Args:
            reports: print an error to stderr if the run fails.
        """
        status = ""
        try:
            while self._widget is not None and not states.is_terminal(status):
                status = self._run._call("GET", "wait", query={"timeout": _WAIT})["status"]
                self._widget.value = self._html()
            self._run._record = wait(self._run.experiment.workspace.connection, self._run.id)
        except ServiceException:
            return  # the service was stopped; leave the widget as it is
        self._ended = True
        if reports:
            report(self._run)

    def _at_cell(self, *_: Any) -> None:
        """Report the run's failure in the cell that is executed; what is printed between cells may be lost."""
        if self._ended:
            for event in _EVENTS:
                _shell().events.unregister(event, self._at_cell)
            report(self._run)

    def _at_exit(self) -> None:
        """Report the run's failure when the program ends; say so if the run has not ended yet."""
        with contextlib.suppress(TrainshedError):  # the service may no longer exist
            status = self._run.get_status()
            if states.is_terminal(status):
                report(self._run)
            else:
                sys.stderr.write(
                    f"Run {self._run.id} is still {status}. 'trainshed wait {self._run.id}' waits for its end.\n"
                )

    def _html(self) -> str:
        page = self._run.experiment.workspace.page_url("")
        text: str = self._run._call("GET", "fragment", query={"page": page})["html"]
        return text

    def get_widget_data(self, widget_settings: Any = None) -> dict[str, Any]:
        """Return the displayed data as a dict.

        Args:
            widget_settings: ignored.
        """
        run = self._run
        return {
            "status": run.get_status(),
            "run_id": run.id,
            "experiment": run.experiment.name,
            "run_properties": dict(run.get_details()),
            "run_metrics": run.get_metrics(),
            "run_logs": self._tail(),
            "files": run.get_file_names(),
            "child_runs": [{"run_id": child.id, "status": child.get_status()} for child in run.get_children()],
        }

    def _tail(self) -> str:
        for name in _LOGS:
            try:
                text = b"".join(self._run.read(name)).decode("utf-8", errors="replace")
            except NotFoundException:
                continue
            return "\n".join(text.splitlines()[-_TAIL_LINES:])
        return ""

    def _text(self, data: dict[str, Any]) -> str:
        lines = [f"Run {data['run_id']} of {data['experiment']}: {data['status']}"]
        error = (data["run_properties"].get("error") or {}).get("error")
        lines += [f"  error: {line}" for line in headline(error or {}).splitlines()]
        if hasattr(self._run, "get_trials"):
            lines += _of_sweep(self._run.get_children_sorted_by_primary_metric())
        else:
            lines += [f"  {name}: {value}" for name, value in data["run_metrics"].items()]
            lines += [f"  child {child['run_id']}: {child['status']}" for child in data["child_runs"]]
        lines += [f"  file {name}" for name in data["files"]]
        if data["run_logs"]:
            lines += ["  last lines of the log:", *(f"    {line}" for line in data["run_logs"].splitlines())]
        return "\n".join(lines)


def _shell() -> Any:
    """Return IPython's shell, or None outside of IPython."""
    ipython = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython is not None else None


def _of_sweep(children: list[dict[str, Any]]) -> list[str]:
    """Return the best run of a sweep so far, and all its runs, best first."""
    found = [child for child in children if child["best_primary_metric"] is not None]
    best = [f"  best so far: {found[0]['best_primary_metric']} of {found[0]['run_id']}"] if found else []
    rows = (
        f"  child {child['run_id']}: {child['status']}, {child['best_primary_metric']}, {child['hyperparameters']}"
        for child in children
    )
    return [*best, *rows]


def _in_notebook() -> bool:
    """Return whether widgets can be displayed: in a notebook's kernel, with ipywidgets installed."""
    if type(_shell()).__name__ != "ZMQInteractiveShell":
        return False
    from importlib.util import find_spec

    if find_spec("ipywidgets") is None:
        sys.stdout.write("Plots and live updates need ipywidgets: pip install ipywidgets\n")
        return False
    return True
