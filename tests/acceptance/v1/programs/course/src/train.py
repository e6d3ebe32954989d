import argparse
import time

from azureml.core import Run

parser = argparse.ArgumentParser()
parser.add_argument("--seconds", type=float, default=0)
parser.add_argument("--break", dest="broken")
parser.add_argument("--fold")
args = parser.parse_args()

run = Run.get_context()
if args.broken:
    {}["colour"]
time.sleep(args.seconds)
run.log("accuracy", 0.5)
if args.fold:
    run.parent.log(f"accuracy of fold {args.fold}", 0.5)
