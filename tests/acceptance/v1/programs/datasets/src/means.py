import argparse
import os

from azureml.core import Run

parser = argparse.ArgumentParser()
parser.add_argument("--mounted")
parser.add_argument("--copied")
parser.add_argument("--table")
parser.add_argument("--out")
args = parser.parse_args()
run = Run.get_context()


def names(folder):
    return ",".join(sorted(name for _, _, files in os.walk(folder) for name in files))


assert run.input_datasets["weather"] == args.mounted == os.environ["AZURE_ML_INPUT_weather"]
run.log("files", names(args.mounted))
if args.copied:
    assert os.environ["copied"] == os.environ["COPIED"] == args.copied
    assert args.copied.rstrip("/").endswith("copied-here")
    run.log("files", names(args.copied))
mean = run.input_datasets["table"].to_pandas_dataframe()["temperature"].mean()
run.log("mean", mean)
if args.out:
    assert os.environ["AZURE_ML_OUTPUT_means"] == args.out
    os.makedirs(args.out, exist_ok=True)
    with open(os.path.join(args.out, "mean.txt"), "w") as file:
        file.write(str(mean))
