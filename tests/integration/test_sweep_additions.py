"""A new sampler or policy touches two files, and is then everywhere: in the service, the API and the command line."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import trainshed

SAMPLER = '''
"""Sampling along the diagonal of the space."""

def propose(known, number):
    return known.parameters([(number + 0.5) / 4 % 1 for _ in known.dimensions])
'''
POLICY = """

def _least(policy, trial, trials, field, maximize, interval):
    return trial.values[interval - 1] < policy.slack_amount


_RULES["least"] = _least
"""
TRAIN = """
import sys
from trainshed import Run
alpha = float(sys.argv[sys.argv.index("--alpha") + 1])
run = Run.get_context()
run.log("score", alpha)
"""
API = """
import sys
from trainshed import ScriptRunConfig
from trainshed.api.hyperdrive import (
    EarlyTerminationPolicy, HyperDriveConfig, HyperParameterSampling, PrimaryMetricGoal, uniform
)
from trainshed.api.hyperdrive.to_sweep import to_sweep

spec = to_sweep(HyperDriveConfig(
    run_config=ScriptRunConfig(sys.argv[1], script="train.py"),
    hyperparameter_sampling=HyperParameterSampling("diagonal", {"--alpha": uniform(0, 1)}),
    policy=EarlyTerminationPolicy("least", {"slack_amount": 0.3}),
    primary_metric_name="score", primary_metric_goal=PrimaryMetricGoal.MAXIMIZE, max_total_runs=4,
))
print(spec.sampling, spec.policy.name, spec.policy.slack_amount)
"""


def _house(folder: Path) -> dict[str, str]:
    """Copy our package, add a sampler and a policy, and return the variables with which a Python uses that copy."""
    package = folder / "house" / "trainshed"
    shutil.copytree(Path(trainshed.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    names = package / "spec" / "sweep.py"
    text = names.read_text()
    for own, theirs in (("RANDOM", '"diagonal": "Diagonal"'), ("BANDIT", '"least": "Least"')):
        assert text.count(f"{{{own}:") + text.count(f"    {own}:") == 1
        text = text.replace(f"{own}:", f"{theirs}, {own}:")
    names.write_text(text)
    (package / "sweeps" / "sampler_diagonal.py").write_text(SAMPLER)
    with (package / "sweeps" / "policies.py").open("a") as file:
        file.write(POLICY)
    return {**os.environ, "PYTHONPATH": str(package.parent), "TRAINSHED_HOME": str(folder / "home")}


def _run(environ: dict[str, str], folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environ, capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_new_sampler_and_a_new_policy(tmp_path: Path) -> None:
    environ = _house(tmp_path)
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "train.py").write_text(TRAIN)
    given = [
        "--param",
        "alpha=uniform(0, 1)",
        "--metric",
        "score",
        "--runs",
        "4",
        "--use-python",
        sys.executable,
        "--script",
        "train.py",
    ]
    try:
        _run(
            environ, tmp_path, "-m", "trainshed", "sweep", "src", *given, "--sampling", "diagonal", "--policy",
            "least(slack_amount=0.3)", "--follow",
        )  # fmt: skip
        found = json.loads(_run(environ, tmp_path, "-m", "trainshed", "sweep", "show", "--json"))
    finally:
        _run(environ, tmp_path, "-m", "trainshed", "service", "stop")
    values = {trial["number"]: (trial["best"], trial["stopped_at"]) for trial in found["trials"]}
    assert values == {0: (0.125, 1), 1: (0.375, None), 2: (0.625, None), 3: (0.875, None)}
    assert _run(environ, tmp_path, "-c", API, "src").split() == ["diagonal", "least", "0.3"]
