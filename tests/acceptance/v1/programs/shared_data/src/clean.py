import argparse
import os
import shutil

parser = argparse.ArgumentParser()
parser.add_argument("--table")
parser.add_argument("--models")
args = parser.parse_args()

assert os.path.isfile(args.table), args.table
shutil.copy(args.table, os.path.join(args.models, "model.csv"))
