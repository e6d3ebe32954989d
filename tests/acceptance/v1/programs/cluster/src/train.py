import argparse
import os
import signal

from azureml.core import Run

parser = argparse.ArgumentParser()
parser.add_argument("--steps", type=int, default=0)
parser.add_argument("--rates", nargs="*", default=[])
parser.add_argument("--verbose", action="store_true")
parser.add_argument("--for-ever", action="store_true")
args = parser.parse_args()

run = Run.get_context()
for step in range(args.steps):
    run.log("step", step)
run.log("rates", " ".join(args.rates))
run.log("who", os.environ.get("WHO", "nobody"))
run.log("verbose", args.verbose)
assert os.environ["AZUREML_RUN_ID"] == run.id
while args.for_ever:
    signal.pause()
