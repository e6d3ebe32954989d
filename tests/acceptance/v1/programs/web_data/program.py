"""Datasets of files on the web, typed columns and partitions, in the manner of v1's tutorials; written from scratch.

A server of this program's own stands for those on the web.
"""

import gzip
import os
import struct
import sys
import threading
from datetime import datetime
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pandas as pd

from azureml.core import Dataset, Environment, Experiment, ScriptRunConfig, Workspace
from azureml.data import DataType
from azureml.data.dataset_factory import TabularDatasetFactory
from azureml.opendatasets import Diabetes
from azureml.train.estimator import Estimator

os.makedirs("site/demo")
os.makedirs("site/mnist")
with open("site/demo/Titanic.csv", "w") as file:
    file.write("PassengerId,Survived,Name,Age,Embarked\n1,0,Owen,22,1912-04-10\n2,1,Florence,38,1912-04-11\n")
    file.write("3,1,Laina,26,1912-04-12\n")
for name, count in (("train", 60), ("t10k", 10)):
    with gzip.open(f"site/mnist/{name}-labels-idx1-ubyte.gz", "w") as file:
        file.write(struct.pack(">ii", 2049, count) + bytes(count))
server = ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory="site"))
SimpleHTTPRequestHandler.log_message = lambda *_: None
threading.Thread(target=server.serve_forever, daemon=True).start()
site = f"http://127.0.0.1:{server.server_port}"

ws = Workspace.from_config()
datastore = ws.get_default_datastore()

# A table, from the address of a file.
web_path = f"{site}/demo/Titanic.csv"
titanic_ds = Dataset.Tabular.from_delimited_files(path=web_path, set_column_types={"Survived": DataType.to_bool()})
frame = titanic_ds.take(3).to_pandas_dataframe()
assert frame["Survived"].tolist() == [False, True, True]
titanic_ds = titanic_ds.register(
    workspace=ws, name="titanic_ds", description="titanic training data", create_new_version=True
)

# Files, from a list of addresses.
web_paths = [f"{site}/mnist/train-labels-idx1-ubyte.gz", f"{site}/mnist/t10k-labels-idx1-ubyte.gz"]
mnist_ds = Dataset.File.from_files(path=web_paths)
data_folder = os.path.join(os.getcwd(), "data")
os.makedirs(data_folder, exist_ok=True)
mnist_ds.download(data_folder, overwrite=True)
mnist_ds = mnist_ds.register(workspace=ws, name="mnist_ds", description="labels", create_new_version=True)

# Both as inputs of a run: files by a path, a table by its name or by an argument.
env = Environment("this-python")
env.python.user_managed_dependencies = True
env.python.interpreter_path = sys.executable
est = Estimator(
    source_directory="./src",
    script_params={"--data-folder": mnist_ds.as_named_input("mnist").as_mount(), "--web-path": web_path},
    compute_target="local",
    entry_script="train.py",
    inputs=[titanic_ds.as_named_input("titanic")],
    environment_definition=env,
)
run = Experiment(ws, "web-data").submit(est)
run.wait_for_completion(show_output=True)
expected = {"train": 60, "t10k": 10, "survived": 2, "rows": 3}
assert run.get_metrics() == expected, run.get_metrics()
args = [
    "--data-folder",
    mnist_ds.as_mount(),
    "--web-path",
    web_path,
    "--input-data",
    titanic_ds.as_named_input("titanic"),
]
run = Experiment(ws, "web-data").submit(ScriptRunConfig("./src", "train.py", arguments=args, environment=env))
run.wait_for_completion()
assert run.get_metrics() == expected, run.get_metrics()

# Columns from paths, and a table written to partitions.
days = pd.DataFrame({"country": ["DE", "DE", "USA"], "sold": [1, 2, 3]})
sales = Dataset.Tabular.register_pandas_dataframe(days, (datastore, "sales"), "sales")
parts = sales.partition_by(partition_keys=["country"], target=(datastore, "parts"), name="parts", show_progress=False)
assert parts.partition_keys == ["country"]
assert Dataset.get_by_name(ws, "parts").get_partition_key_values() == [{"country": "DE"}, {"country": "USA"}]
assert parts.filter(parts["country"] == "DE").to_pandas_dataframe()["sold"].tolist() == [1, 2]
as_files = sales.partition_by(["country"], (datastore, "files"), show_progress=False, partition_as_file_dataset=True)
(path,) = as_files.filter(as_files["country"] == "USA").to_path()
assert path.startswith("/USA/")
datastore.upload_files(["site/demo/Titanic.csv"], "site/demo", "by-day/2026/01/31", show_progress=False)
by_day = Dataset.Tabular.from_delimited_files(
    (datastore, "by-day/**"),
    partition_format="/{date:yyyy/MM/dd}/Titanic.csv",
    set_column_types={"Age": DataType.to_float()},
)
assert by_day.to_pandas_dataframe()["date"].tolist() == [datetime(2026, 1, 31)] * 3
large = as_files.filter(as_files.file_metadata["Size"] > 10)
assert len(large.to_path()) == 2

# An open dataset, and the factory itself.
x_df = Diabetes.get_tabular_dataset().to_pandas_dataframe().dropna()
assert len(x_df.pop("Y")) == 442
assert len(TabularDatasetFactory.from_delimited_files(web_path).to_pandas_dataframe()) == 3

print("web_data: all cells ran")
