"""What a sweep costs beyond its scripts, beside Optuna with a subprocess for each trial, and Ray Tune.

*Overhead* is the time of a trial, one at a time, beyond that of its script started by hand. *Busy* is how many of the
places for trials were in use, of those that could be: a place is in use from when it is taken for a trial until that
trial has ended. *History* is what one step costs a sweep that has many trials behind it.

python benchmarks/sweep_overhead.py --grid 1000
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from peers import QUIET, python_of

ALONE, AT_ONCE, GRID, HISTORY = 30, 8, 1000, 10_000
LIMIT = 900
PLAIN = "import sys; print(float(sys.argv[-1]))\n"
LOGS = "import sys\nfrom trainshed import Run\nRun.get_context().log('score', float(sys.argv[-1]))\n"
PEERS = {"Optuna + subprocess": "optuna", "Ray Tune": "ray"}


def by_hand(script: Path, count: int = 15) -> float:
    """Return the seconds that a script takes when it is started by hand."""
    took = []
    for number in range(count):
        begun = time.perf_counter()
        subprocess.run([sys.executable, script, "--x", str(number)], stdout=subprocess.DEVNULL, check=True)
        took.append(time.perf_counter() - begun)
    return statistics.median(took)


def trainshed(script: Path, count: int, at_once: int) -> dict[str, float]:
    from trainshed import Estimator, Experiment, Workspace, hyperdrive
    from trainshed.client.stopping import stop

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        os.environ["TRAINSHED_HOME"] = home
        workspace = Workspace()
        workspace.connection.call("PUT", "/targets/local", {"slots": at_once})
        estimator = Estimator(str(script.parent), compute_target="local", entry_script=script.name, user_managed=True)
        estimator.run_config.environment.python.interpreter_path = sys.executable
        config = hyperdrive.HyperDriveConfig(
            hyperparameter_sampling=hyperdrive.GridParameterSampling({"x": hyperdrive.choice(range(count))}),
            primary_metric_name="score",
            primary_metric_goal=hyperdrive.PrimaryMetricGoal.MAXIMIZE,
            max_total_runs=count,
            max_concurrent_runs=at_once,
            estimator=estimator,
        )
        begun = time.perf_counter()
        run: Any = Experiment(workspace, "sweep").submit(config)
        run.wait_for_completion()
        took = time.perf_counter() - begun
        assert run.get_best_run_by_primary_metric().get_metrics() == {"score": count - 1}
        told = {"took": took, "busy": busy(str(workspace.path), at_once)}
        workspace.connection.close()
        stop(str(workspace.path))
    return told


def busy(root: str, at_once: int) -> float:
    """Return how many of the places were in use while there were trials for all of them."""
    with sqlite3.connect(f"file:{root}/history.db?mode=ro", uri=True) as history:
        rows = history.execute(
            "SELECT run, min(CASE run_events.status WHEN 'Preparing' THEN time END), max(time) FROM run_events "
            "JOIN runs ON runs.id = run WHERE parent IS NOT NULL GROUP BY run"
        ).fetchall()
    begins = sorted(begin for _, begin, _ in rows)
    first, last = begins[min(at_once, len(begins)) - 1], begins[-1]  # then places stay free
    used = sum(max(min(end, last) - max(begin, first), 0) for _, begin, end in rows)
    return used / (at_once * (last - first)) if last > first else 1.0


def optuna(script: Path, count: int, at_once: int) -> dict[str, float]:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study()
    for number in range(count):
        study.enqueue_trial({"x": number})  # its GridSampler looks through all earlier trials each time

    def objective(trial: Any) -> float:
        return _value(script, trial.suggest_int("x", 0, count - 1))

    begun = time.perf_counter()
    study.optimize(objective, n_trials=count, n_jobs=at_once)
    return {"took": time.perf_counter() - begun}


def ray(script: Path, count: int, at_once: int) -> dict[str, float]:
    import ray
    from ray import tune

    ray.init(num_cpus=at_once, include_dashboard=False, configure_logging=False, log_to_driver=False)
    os.environ["TUNE_MAX_PENDING_TRIALS_PG"] = str(at_once)

    def trainable(config: dict[str, Any]) -> None:
        tune.report({"score": _value(script, config["x"])})

    tuner = tune.Tuner(
        trainable,
        param_space={"x": tune.grid_search(list(range(count)))},
        tune_config=tune.TuneConfig(max_concurrent_trials=at_once, reuse_actors=True),
        run_config=tune.RunConfig(verbose=0, storage_path=tempfile.mkdtemp()),
    )
    begun = time.perf_counter()
    assert len(tuner.fit()) == count
    took = time.perf_counter() - begun
    ray.shutdown()
    return {"took": took}


def _value(script: Path, x: int) -> float:
    argv = [sys.executable, str(script), "--x", str(x)]
    return float(subprocess.run(argv, stdout=subprocess.PIPE, text=True, check=True).stdout)


def pool(script: Path, count: int, at_once: int) -> float:
    """Return the seconds that so many scripts take without anything that tunes."""
    begun = time.perf_counter()
    with ThreadPoolExecutor(at_once) as workers:
        list(workers.map(lambda x: _value(script, x), range(count)))
    return time.perf_counter() - begun


def history(count: int) -> list[tuple[str, float]]:
    """Return the milliseconds of what a sweep does for one trial, with so many behind it."""
    from trainshed.spec.sweep import PolicySpec
    from trainshed.sweeps.field import Field
    from trainshed.sweeps.known import Known
    from trainshed.sweeps.policies import first_stop
    from trainshed.sweeps.samplers import propose
    from trainshed.sweeps.space import key_of
    from trainshed.sweeps.trial import Trial

    spaces = {
        "random": {"x": ["choice", [list(range(1000))]], "y": ["choice", [list(range(1000))]]},
        "grid": {"x": ["choice", [list(range(1000))]], "y": ["choice", [list(range(1000))]]},
        "bayesian": {"x": ["uniform", [0, 1]], "y": ["choice", [["a", "b"]]]},
    }
    found = []
    for sampling, space in spaces.items():
        trials: list[Trial] = []
        for number in range(count):
            parameters = propose("random", Known(json.dumps(space), 0, True), number)
            trials.append(
                Trial(number, parameters or {}, [number % 977 / (step + 1) for step in range(10)], ended=True)
            )
        keys = {key_of(trial.parameters) for trial in trials}
        known = Known(json.dumps(space), 0, True, [each._replace(values=each.values[:1]) for each in trials], keys=keys)
        found.append((f"ask {sampling}", _milliseconds(propose, sampling, known, count)))
    field = Field(True, trials)
    for policy in (
        PolicySpec("bandit", slack_factor=0.1),
        PolicySpec("median_stopping"),
        PolicySpec("truncation_selection"),
        PolicySpec("asha"),
    ):
        trial = Trial(count, {}, [1000.0] * 9)
        found.append((f"judge {policy.name}", _milliseconds(first_stop, policy, trial, [], True, 8, field)))
    return found


def _milliseconds(work: Any, *arguments: Any) -> float:
    work(*arguments)
    took = []
    for _ in range(5):
        begun = time.process_time()
        work(*arguments)
        took.append(time.process_time() - begun)
    return statistics.median(took) * 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--envs", type=Path, default=Path(tempfile.gettempdir()) / "peers")
    parser.add_argument("--alone", type=int, default=ALONE, help="trials, one at a time")
    parser.add_argument("--grid", type=int, default=GRID, help="trials, eight at once")
    parser.add_argument("--limit", type=float, default=LIMIT, help="seconds after which a peer is given up")
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument(
        "--only", nargs=4, metavar=("WHO", "SCRIPT", "COUNT", "AT_ONCE"), help="measure one; print JSON"
    )
    options = parser.parse_args()
    if options.only:
        who, script, count, at_once = options.only
        run = {"Ray Tune": ray, "Optuna + subprocess": optuna, "Trainshed": trainshed}[who]
        print(json.dumps(run(Path(script), int(count), int(at_once))))
        return
    with tempfile.TemporaryDirectory() as folder:
        scripts = {}
        for name, text in (("plain", PLAIN), ("logs", LOGS)):
            scripts[name] = Path(folder) / name / "train.py"
            scripts[name].parent.mkdir()
            scripts[name].write_text(text)
        _compare(options, scripts)
    print(f"\nWith {HISTORY} trials behind it, milliseconds for one more:")
    print("\n".join(f"* {name}: {took:.2f}" for name, took in history(HISTORY)))


def _compare(options: argparse.Namespace, scripts: dict[str, Path]) -> None:
    print(f"| | overhead of a trial, ms | {options.grid} trials, {AT_ONCE} at once, s | busy |\n|---|---|---|---|")
    for who in ("Trainshed", *([] if options.no_peers else PEERS)):
        script = scripts["logs" if who == "Trainshed" else "plain"]
        python = python_of(PEERS[who], options.envs) if who in PEERS else sys.executable
        told = [
            _told([python, __file__, "--only", who, script, str(count), str(at_once)], options.limit)
            for count, at_once in ((options.alone, 1), (options.grid, AT_ONCE))
        ]
        alone, many = told
        late = f"not within {options.limit:.0f} s"
        overhead = late if alone is None else f"{(alone['took'] / options.alone - by_hand(script)) * 1000:.0f}"
        took = late if many is None else f"{many['took']:.1f}"
        share = f"{many['busy']:.1%}" if many and "busy" in many else ""
        print(f"| {who} | {overhead} | {took} | {share} |", flush=True)
    print(f"| a pool of threads | | {pool(scripts['plain'], options.grid, AT_ONCE):.1f} | |", flush=True)


def _told(argv: Sequence[Any], limit: float) -> dict[str, float] | None:
    """Return what a process says, or None if it has not ended in time; then it is killed with its children."""
    environ = {**os.environ, **QUIET}
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, env=environ, start_new_session=True) as process:
        try:
            said, _ = process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            return None
    if process.returncode:
        raise SystemExit(f"{argv[3]} failed with exit code {process.returncode}")
    found: dict[str, float] = json.loads(said.splitlines()[-1])
    return found


if __name__ == "__main__":
    main()
