import argparse
import os

from azureml.core import Run

parser = argparse.ArgumentParser()
parser.add_argument("--models")
args = parser.parse_args()

with open(os.path.join(args.models, "model.csv"), encoding="utf-8") as file:
    Run.get_context().log("lines", len(file.readlines()))
