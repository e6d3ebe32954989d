"""``trainshed sweep``."""

from __future__ import annotations

import argparse
import ast
import csv
import json
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

from trainshed.api import hyperdrive
from trainshed.api.hyperdrive.run import HyperDriveRun
from trainshed.api.runs.experiment import Experiment
from trainshed.cli import resolve, show
from trainshed.cli.parser import parse
from trainshed.cli.submit import estimator_of, experiment_of, pairs, tell
from trainshed.client.http import quoted
from trainshed.errors import NotFoundException, UserErrorException, did_you_mean
from trainshed.spec.expressions import NAMES
from trainshed.spec.sweep import MEDIAN_STOPPING, POLICIES, TRUNCATION_SELECTION

_SHORT = {"median": MEDIAN_STOPPING, "truncation": TRUNCATION_SELECTION}
"""Names of policies as they may be typed."""
_COLUMNS = ("number", "run_id", "status", "best", "stopped_at", "attempt")
_RUNS = 20
_COMMON = frozenset({"what", "run_name", "arguments", "json", "workspace", "service"})
_TAKEN = {"show": {"csv"}, "resume": {"runs", "at_once", "minutes", "env", "follow"}}
"""What each view accepts in addition."""


def sweep(options: argparse.Namespace) -> int:
    """Run a script with many sets of parameters; or show, stop, resume or take the best run of a sweep."""
    if options.what in _VIEWS:
        _check_view(options)
        return _VIEWS[options.what](options, _sweep_of(options))
    if options.run_name is not None:
        raise UserErrorException(
            f"'trainshed sweep {options.what}' accepts one folder, not '{options.run_name}', too. "
            f"To see a sweep: trainshed sweep show {options.run_name}"
        )
    options.folder = options.what
    estimator = estimator_of(options)
    where = resolve.workspace(options, create=True)
    config = _config(options, estimator, where)
    run: Any = Experiment(where, experiment_of(options)).submit(
        config,
        tags=pairs(options.tag, "--tag"),
        priority=options.priority,
        slots=options.slots,
        max_retries=options.retries,
    )
    return tell(options, run, "sweep show")


def _check_view(options: argparse.Namespace) -> None:
    """Raise if an option was given that has no meaning for a view."""
    usual = vars(parse(["sweep", options.what]))
    taken = _COMMON | _TAKEN.get(options.what, set())
    wrong = [name for name, value in vars(options).items() if name not in taken and value != usual.get(name)]
    if wrong or options.arguments:
        option = f"--{wrong[0].replace('_', '-')}" if wrong else "arguments for a script"
        raise UserErrorException(f"'trainshed sweep {options.what}' does not accept {option}.")


def _config(options: argparse.Namespace, estimator: Any, where: Any) -> hyperdrive.HyperDriveConfig:
    if not options.param or not options.metric:
        raise UserErrorException(
            "A sweep needs at least one --param and the --metric that the script logs, for example: "
            "trainshed sweep ./src --param 'alpha=loguniform(-6, 0)' --metric accuracy"
        )
    space = {name: _value(text) for name, text in pairs(options.param, "--param").items()}
    properties = {"all_expressions": True, **({} if options.seed is None else {"seed": options.seed})}
    goal = hyperdrive.PrimaryMetricGoal
    return hyperdrive.HyperDriveConfig(
        estimator=estimator,
        hyperparameter_sampling=_sampling(options.sampling, space, properties),
        primary_metric_name=options.metric,
        primary_metric_goal=goal.MINIMIZE if options.minimize else goal.MAXIMIZE,
        max_total_runs=options.runs or _RUNS,
        max_concurrent_runs=options.at_once,
        max_duration_minutes=options.minutes or hyperdrive.MAX_DURATION_MINUTES,
        policy=_policy(options.policy) if options.policy else None,
        resume_from=[resolve.named(where, name) for name in options.resume_from] or None,
    )


def _sampling(name: str, space: dict[str, Any], properties: dict[str, Any]) -> hyperdrive.HyperParameterSampling:
    plain = partial(hyperdrive.HyperParameterSampling, name)
    found: hyperdrive.HyperParameterSampling = getattr(hyperdrive, f"{name.capitalize()}ParameterSampling", plain)(
        space, properties=properties
    )
    return found


def _value(text: str) -> Any:
    """Return an expression such as ``uniform(0, 1)``, or a plain value as a choice of one, which any sampling takes."""
    call = _call(text)
    if call is None:
        try:
            return ["choice", [[ast.literal_eval(text)]]]
        except (ValueError, SyntaxError):
            return ["choice", [[text]]]
    name, arguments, settings = call
    if name not in NAMES:
        raise UserErrorException(f"--param: there is no expression '{name}'.{did_you_mean(name, NAMES)}")
    return _made(getattr(hyperdrive, name), text, arguments, settings)


def _policy(text: str) -> Any:
    """Return a policy such as ``bandit(slack_factor=0.1)``."""
    typed, arguments, settings = _call(text) or (text, [], {})
    name = _SHORT.get(typed, typed)
    if name not in POLICIES:
        raise UserErrorException(
            f"--policy: there is no policy '{name}'. Available: {', '.join(POLICIES)}.{did_you_mean(name, POLICIES)}"
        )

    def plain(**properties: Any) -> hyperdrive.EarlyTerminationPolicy:
        return hyperdrive.EarlyTerminationPolicy(name, properties)

    return _made(getattr(hyperdrive, f"{POLICIES[name]}Policy", plain), text, arguments, settings)


def _made(make: Callable[..., Any], text: str, arguments: list[Any], settings: dict[str, Any]) -> Any:
    try:
        return make(*arguments, **settings)
    except TypeError as error:
        raise UserErrorException(f"'{text}' has the wrong arguments ({str(error).partition(' ')[2]}).") from None


def _call(text: str) -> tuple[str, list[Any], dict[str, Any]] | None:
    """Return the name and arguments of a call with values as arguments; None if the text is none."""
    try:
        node = ast.parse(text.strip(), mode="eval").body
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            return None
        settings = {each.arg or "": ast.literal_eval(each.value) for each in node.keywords}
        return node.func.id, [ast.literal_eval(each) for each in node.args], settings
    except (ValueError, SyntaxError):
        return None


def _sweep_of(options: argparse.Namespace) -> HyperDriveRun:
    """Return the named sweep; the newest one without a name."""
    where = resolve.workspace(options)
    if options.run_name in (None, resolve.LAST):
        newest = where.connection.call("GET", "/runs", query={"limit": 1, "type": "hyperdrive"})["runs"]
        if not newest:
            raise NotFoundException(
                "There are no sweeps yet. Begin one: trainshed sweep DIR --param NAME=EXPRESSION --metric NAME"
            )
        run: Any = where.get_run(newest[0]["id"])
    else:
        run = resolve.named(where, options.run_name)
    if not isinstance(run, HyperDriveRun):
        raise UserErrorException(f"Run '{run.id}' is not a sweep.")
    return run


def _show(options: argparse.Namespace, run: HyperDriveRun) -> int:
    """Print the trials of a sweep, best first."""
    found = run.experiment.workspace.connection.call("GET", quoted("runs", run.id, "sweep"))
    goal = -1 if found["sweep"]["maximize"] else 1
    trials = sorted(found["trials"], key=lambda each: (each["best"] is None, goal * (each["best"] or 0)))
    if options.json:
        show.as_json({**found, "trials": trials})
        return 0
    names = list(json.loads(found["sweep"]["space"]))
    rows = [[*(each[name] for name in _COLUMNS), *(each["parameters"].get(name) for name in names)] for each in trials]
    if options.csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerows([[*_COLUMNS, *names], *rows])
        return 0
    print(f"Sweep {run.id}: {run.get_status()}, {len(trials)} of at most {found['sweep']['max_total_runs']} runs")
    for warning in run.record()["details"].get("warnings", ()):
        print(f"Warning: {warning['message']}")
    head = ("NUMBER", "RUN", "STATUS", found["sweep"]["metric"], "STOPPED AT", "ATTEMPT", *names)
    show.table(head, [["" if cell is None else cell for cell in row] for row in rows])
    return 0


def _best(options: argparse.Namespace, run: HyperDriveRun) -> int:
    """Print the id of the best run."""
    best: Any = run.get_best_run_by_primary_metric()
    if best is None:
        raise UserErrorException(f"No run of sweep '{run.id}' has logged its metric.")
    if options.json:
        show.as_json(best.record())
    else:
        print(best.id)
    return 0


def _stop(options: argparse.Namespace, run: HyperDriveRun) -> int:
    """Cancel a sweep with its runs."""
    run.cancel()
    if options.json:
        show.as_json(run.record())
    else:
        print(run.get_status())
    return 0


def _resume(options: argparse.Namespace, run: HyperDriveRun) -> int:
    """Run the rest of a sweep that has ended."""
    rest: Any = run.resume(
        options.runs,
        max_concurrent_runs=options.at_once,
        max_duration_minutes=options.minutes,
        environment_variables=pairs(options.env, "-e"),
    )
    return tell(options, rest, "sweep show")


_VIEWS = {"show": _show, "best": _best, "stop": _stop, "resume": _resume}
