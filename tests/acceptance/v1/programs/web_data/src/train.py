import argparse
import glob
import gzip
import os

from azureml.core import Dataset, Run
from azureml.data.dataset_factory import TabularDatasetFactory

parser = argparse.ArgumentParser()
parser.add_argument("--data-folder", type=str, dest="data_folder")
parser.add_argument("--web-path", type=str)
parser.add_argument("--input-data", type=str, default=None)
args = parser.parse_args()

run = Run.get_context()
for part in ("train", "t10k"):
    path = glob.glob(os.path.join(args.data_folder, f"**/{part}-labels-idx1-ubyte.gz"), recursive=True)[0]
    with gzip.open(path) as file:
        file.read(8)
        run.log(part, len(file.read()))

if args.input_data:
    titanic = Dataset.get_by_id(run.experiment.workspace, id=args.input_data)
else:
    titanic = run.input_datasets["titanic"]
run.log("survived", int(titanic.to_pandas_dataframe()["Survived"].sum()))
run.log("rows", len(TabularDatasetFactory.from_delimited_files(args.web_path).to_pandas_dataframe()))
