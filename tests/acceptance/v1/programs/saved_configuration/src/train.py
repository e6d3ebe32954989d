import argparse
import os
import shutil

from azureml.core import Run

parser = argparse.ArgumentParser()
parser.add_argument("--rain")
parser.add_argument("--cleaned")
args = parser.parse_args()

for name in os.listdir(args.rain):
    shutil.copy(os.path.join(args.rain, name), args.cleaned)
Run.get_context().log("files", len(os.listdir(args.cleaned)))
