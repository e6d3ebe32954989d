"""How good the parameters are that Bayesian sampling tries, beside Optuna's samplers and random ones.

Regret is what is missing to the optimum after 20 trials for each parameter: the median and the worst of the seeds. The
peers run in environments of their own, by this same file, and all with one thread. What an ask takes is the processor's
time, in the last trial.

A change of the sampler is to be chosen with other problems and seeds than those that judge it:

    python benchmarks/sweeps.py              # the judges, with seeds from 27 on
    python benchmarks/sweeps.py --choosing   # the others, with seeds from 0 on
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

Parameters = dict[str, Any]
Cost = Callable[[Parameters], float]
SEEDS, JUDGED_FROM = 18, 27
PEERS = {"Optuna TPE": "optuna", "Optuna GPSampler": "optuna_gp"}


class Problem(NamedTuple):
    """What to minimize: a space in SDK v1's notation, the cost, its least value, the trials, and how many at once."""

    space: dict[str, Any]
    cost: Cost
    least: float
    trials: int
    at_once: int = 1


def branin(found: Parameters) -> float:
    x, y = 15 * found["x0"] - 5, 15 * found["x1"]
    bent = y - 5.1 / (4 * math.pi**2) * x * x + 5 / math.pi * x - 6
    return bent**2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10


_A = ((10, 3, 17, 3.5, 1.7, 8), (0.05, 10, 17, 0.1, 8, 14), (3, 3.5, 1.7, 10, 17, 8), (17, 8, 0.05, 10, 0.1, 14))
_P = (
    (1312, 1696, 5569, 124, 8283, 5886),
    (2329, 4135, 8307, 3736, 1004, 9991),
    (2348, 1451, 3522, 2883, 3047, 6650),
    (4047, 8828, 8732, 5743, 1091, 381),
)


def hartmann6(found: Parameters) -> float:
    total = 0.0
    for weight, widths, places in zip((1, 1.2, 3, 3.2), _A, _P, strict=True):
        away = sum(
            width * (found[f"x{i}"] - place / 1e4) ** 2
            for i, (width, place) in enumerate(zip(widths, places, strict=True))
        )
        total += weight * math.exp(-away)
    return -total


def hartmann3(found: Parameters) -> float:
    widths = ((3, 10, 30), (0.1, 10, 35), (3, 10, 30), (0.1, 10, 35))
    places = ((3689, 1170, 2673), (4699, 4387, 7470), (1091, 8732, 5547), (381, 5743, 8828))
    total = 0.0
    for weight, wide, place in zip((1, 1.2, 3, 3.2), widths, places, strict=True):
        total += weight * math.exp(-sum(w * (found[f"x{i}"] - place[i] / 1e4) ** 2 for i, w in enumerate(wide)))
    return -total


def ackley(found: Parameters) -> float:
    """Many small valleys; the optimum is not in the middle."""
    at = [20 * (value - 0.37) for value in found.values()]
    far = math.sqrt(sum(x * x for x in at) / len(at))
    return 20 + math.e - 20 * math.exp(-far / 5) - math.exp(sum(math.cos(2 * math.pi * x) for x in at) / len(at))


def rosenbrock(found: Parameters) -> float:
    """A bent valley."""
    at = [7 * value - 2 for value in found.values()]
    return sum(100 * (y - x * x) ** 2 + (1 - x) ** 2 for x, y in itertools.pairwise(at))


def michalewicz(found: Parameters) -> float:
    """Steep valleys, flat between them."""
    at = [math.pi * value for value in found.values()]
    return -sum(math.sin(x) * math.sin((i + 1) * x * x / math.pi) ** 20 for i, x in enumerate(at))


def levy(found: Parameters) -> float:
    at = [1 + (20 * value - 11) / 4 for value in found.values()]
    between = sum((w - 1) ** 2 * (1 + 10 * math.sin(math.pi * w + 1) ** 2) for w in at[:-1])
    return math.sin(math.pi * at[0]) ** 2 + between + (at[-1] - 1) ** 2 * (1 + math.sin(2 * math.pi * at[-1]) ** 2)


def six_humps(found: Parameters) -> float:
    x, y = 6 * found["x0"] - 3, 4 * found["x1"] - 2
    return (4 - 2.1 * x * x + x**4 / 3) * x * x + x * y + (4 * y * y - 4) * y * y


def svr(found: Parameters) -> float:
    """A real problem: 1 - R² of a support vector regression of the diabetes data, cross-validated."""
    from sklearn.datasets import load_diabetes
    from sklearn.model_selection import cross_val_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVR

    model = SVR(kernel=found["kernel"], C=found["C"], epsilon=found["epsilon"], degree=found["degree"])
    scores = cross_val_score(make_pipeline(StandardScaler(), model), *load_diabetes(return_X_y=True), cv=3)
    return 1 - float(scores.mean())


def cube(count: int) -> dict[str, Any]:
    return {f"x{index}": ["uniform", [0, 1]] for index in range(count)}


PROBLEMS = {
    "Branin": Problem(cube(2), branin, 0.39788736, 40),
    "Branin, 4 at once": Problem(cube(2), branin, 0.39788736, 40, 4),
    "Hartmann6": Problem(cube(6), hartmann6, -3.32236801, 120),
    "Hartmann6, 4 at once": Problem(cube(6), hartmann6, -3.32236801, 120, 4),
    "SVR on diabetes (1 - R²)": Problem(
        {
            "kernel": ["choice", [["rbf", "poly", "linear"]]],
            "C": ["loguniform", [-4, 6]],
            "epsilon": ["uniform", [0, 20]],
            "degree": ["choice", [[2, 3, 4]]],
        },
        svr,
        0.0,
        80,
    ),
}
CHOOSING = {
    "six humps": Problem(cube(2), six_humps, -1.031628453, 40),
    "six humps, 4 at once": Problem(cube(2), six_humps, -1.031628453, 40, 4),
    "Hartmann3": Problem(cube(3), hartmann3, -3.86278214, 60),
    "Hartmann3, 4 at once": Problem(cube(3), hartmann3, -3.86278214, 60, 4),
    "Rosenbrock4": Problem(cube(4), rosenbrock, 0.0, 80),
    "Rosenbrock4, 4 at once": Problem(cube(4), rosenbrock, 0.0, 80, 4),
    "Michalewicz2": Problem(cube(2), michalewicz, -1.80130341, 40),
    "Levy4, 4 at once": Problem(cube(4), levy, 0.0, 80, 4),
    "Ackley5": Problem(cube(5), ackley, 0.0, 100),
    "Ackley5, 4 at once": Problem(cube(5), ackley, 0.0, 100, 4),
}


def ours(sampling: str, problem: Problem, seed: int) -> tuple[float, float]:
    """Return the regret and the milliseconds of the last ask."""
    from trainshed.sweeps.known import Known
    from trainshed.sweeps.samplers import propose
    from trainshed.sweeps.trial import Trial

    trials: list[Trial] = []
    took = 0.0
    for number in range(problem.trials):
        begun = time.process_time()
        parameters = propose(sampling, Known(json.dumps(problem.space), seed, False, trials), number)
        took = time.process_time() - begun
        assert parameters is not None
        trials.append(Trial(number, parameters))
        for index in range(len(trials) if number == problem.trials - 1 else max(len(trials) - problem.at_once + 1, 0)):
            if not trials[index].ended:
                trials[index] = trials[index]._replace(values=[problem.cost(trials[index].parameters)], ended=True)
    return min(trial.values[0] for trial in trials) - problem.least, took * 1000


def optuna(sampler: str, problem: Problem, seed: int) -> tuple[float, float]:
    """Return the same of a sampler of Optuna's."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    made = (
        optuna.samplers.GPSampler(seed=seed) if sampler == "Optuna GPSampler" else optuna.samplers.TPESampler(seed=seed)
    )
    study = optuna.create_study(sampler=made)
    waiting: list[tuple[Any, Parameters]] = []
    took = 0.0
    for number in range(problem.trials):
        begun = time.process_time()
        trial = study.ask()
        parameters = {name: _suggested(trial, name, *expression) for name, expression in problem.space.items()}
        took = time.process_time() - begun
        waiting.append((trial, parameters))
        while len(waiting) >= problem.at_once or (waiting and number == problem.trials - 1):
            ended, found = waiting.pop(0)
            study.tell(ended, problem.cost(found))
    return study.best_value - problem.least, took * 1000


def _suggested(trial: Any, name: str, kind: str, arguments: list[Any]) -> Any:
    if kind == "choice":
        return trial.suggest_categorical(name, arguments[0])
    if kind == "loguniform":
        return trial.suggest_float(name, math.exp(arguments[0]), math.exp(arguments[1]), log=True)
    return trial.suggest_float(name, *arguments)


def measured(who: str, name: str, seeds: Sequence[int]) -> dict[str, Any]:
    run = optuna if who in PEERS else ours
    sampler = {"Trainshed": "bayesian", "random": "random"}.get(who, who)
    found = [run(sampler, (PROBLEMS | CHOOSING)[name], seed) for seed in seeds]
    regrets = [regret for regret, _ in found]
    return {
        "regrets": regrets,
        "median": statistics.median(regrets),
        "worst": max(regrets),
        "ask": statistics.median(ask for _, ask in found),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--envs", type=Path, default=Path(tempfile.gettempdir()) / "peers")
    parser.add_argument("--seeds", type=int, default=SEEDS, help="how many")
    parser.add_argument("--first", type=int, help="the first of them")
    parser.add_argument("--choosing", action="store_true", help="the problems with which to choose")
    parser.add_argument("--only", nargs=2, metavar=("WHO", "PROBLEM"), help="measure one, and print JSON")
    parser.add_argument("--no-peers", action="store_true")
    options = parser.parse_args()
    first = (0 if options.choosing else JUDGED_FROM) if options.first is None else options.first
    seeds = range(first, first + options.seeds)
    if options.only:
        print(json.dumps(measured(*options.only, seeds)))
        return
    from peers import python_of

    who = ["Trainshed", "random", *([] if options.no_peers else PEERS)]
    environ = {**os.environ, **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")}
    print(f"Median regret with seeds {first} to {seeds[-1]} (worst; milliseconds of the last ask)\n")
    print(f"| problem | {' | '.join(who)} |\n|---|{'---|' * len(who)}")
    for name in CHOOSING if options.choosing else PROBLEMS:
        cells = []
        for each in who:
            python = python_of(PEERS[each], options.envs) if each in PEERS else sys.executable
            argv = [python, __file__, "--only", each, name, "--seeds", str(options.seeds), "--first", str(first)]
            done = subprocess.run(argv, stdout=subprocess.PIPE, text=True, check=True, env=environ)
            told = json.loads(done.stdout)
            cells.append(f"{told['median']:.4g} ({told['worst']:.4g}; {told['ask']:.0f})")
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
