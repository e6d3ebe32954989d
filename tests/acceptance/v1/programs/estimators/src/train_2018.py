import argparse
import os

from azureml.core import Run

parser = argparse.ArgumentParser()
parser.add_argument("--data-folder", type=str, dest="data_folder")
parser.add_argument("--regularization", type=float, dest="reg")
parser.add_argument("--flag", action="store_true")
args = parser.parse_args()

run = Run.get_submitted_run()
run.log("alpha", args.reg)
run.log("files", len([name for name in os.listdir(args.data_folder) if name == "train_2018.py"]))
run.log("flag", args.flag)
