"""Fit a straight line by gradient descent, with checkpoints in ``outputs/``: all that it needs is a Python."""

import argparse
import json
import os
import platform
import random

from trainshed import Run

parser = argparse.ArgumentParser()
parser.add_argument("--steps", type=int, default=200)
parser.add_argument("--rate", type=float, default=0.1)
options = parser.parse_args()

run = Run.get_context()
print(f"on node {platform.node()}, job {os.environ.get('SLURM_JOB_ID', 'none')}")
rng = random.Random(1)
points = [(x, 3 * x + 2 + rng.gauss(0, 0.1)) for x in (rng.uniform(-1, 1) for _ in range(500))]

slope = offset = 0.0
for step in range(options.steps):
    errors = [(x, slope * x + offset - y) for x, y in points]
    slope -= options.rate * 2 * sum(x * error for x, error in errors) / len(points)
    offset -= options.rate * 2 * sum(error for _, error in errors) / len(points)
    if step % 20 == 0:
        run.log("loss", sum(error**2 for _, error in errors) / len(points))
        with open("outputs/checkpoint.json", "w") as file:
            json.dump({"step": step, "slope": slope, "offset": offset}, file)
run.log("slope", round(slope, 2))
run.log("offset", round(offset, 2))
