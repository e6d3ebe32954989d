"""Datasets: registered, versioned, read here, given to scripts and made by them.

In the manner of v1's "work with datasets" tutorials; written from scratch.
"""

import os
import sys
from datetime import datetime, timedelta

import pandas as pd

from azureml.core import Dataset, Environment, Experiment, ScriptRunConfig, Workspace
from azureml.data import FileDataset, OutputFileDatasetConfig, TabularDataset
from azureml.data.dataset_consumption_config import DatasetConsumptionConfig
from azureml.exceptions import DatasetTimestampMissingError, UserErrorException
from azureml.train.estimator import Estimator

ws = Workspace.from_config()
datastore = ws.get_default_datastore()

os.makedirs("weather")
frame = pd.DataFrame({"station": ["a", "b", "a", "c"], "temperature": [20.5, 18.0, 21.5, 15.0]})
frame[:2].to_csv("weather/first.csv", index=False)
frame[2:].to_csv("weather/second.csv", index=False)
frame.to_parquet("weather/all.parquet")
frame.to_json("weather/all.jsonl", orient="records", lines=True)
datastore.upload("weather", target_path="weather", overwrite=True)

# Tables.
table = Dataset.Tabular.from_delimited_files(path=[(datastore, "weather/first.csv"), (datastore, "weather/second.csv")])
assert isinstance(table, TabularDataset)
pd.testing.assert_frame_equal(table.to_pandas_dataframe(), frame)
assert table.take(3).to_pandas_dataframe().shape == (3, 2)
assert table.skip(3).to_pandas_dataframe().shape == (1, 2)
assert list(table.keep_columns(["station"]).to_pandas_dataframe()) == ["station"]
assert list(table.drop_columns("station").to_pandas_dataframe()) == ["temperature"]
left, right = table.random_split(percentage=0.5, seed=1)
assert len(left.to_pandas_dataframe()) + len(right.to_pandas_dataframe()) == 4
pd.testing.assert_frame_equal(
    Dataset.Tabular.from_parquet_files((datastore, "weather/all.parquet")).to_pandas_dataframe(), frame
)
pd.testing.assert_frame_equal(
    Dataset.Tabular.from_json_lines_files((datastore, "weather/*.jsonl")).to_pandas_dataframe(), frame
)

# Rows chosen by values and by times, and written to files.
warm = table.filter((table["temperature"] > 16) & (table["station"] != "b"))
assert warm.to_pandas_dataframe()["temperature"].tolist() == [20.5, 21.5]
days = pd.DataFrame({"day": pd.date_range("2020-01-01", periods=10), "sold": range(10)})
sales = Dataset.Tabular.register_pandas_dataframe(days, datastore, "sales").with_timestamp_columns(timestamp="day")
assert sales.timestamp_columns == ("day", None)
start, end = datetime(2020, 1, 3), datetime(2020, 1, 5)
assert len(sales.time_before(start).to_pandas_dataframe()) == 3
assert len(sales.time_after(start, include_boundary=False).to_pandas_dataframe()) == 7
assert sales.time_between(start, end).to_pandas_dataframe()["sold"].tolist() == [2, 3, 4]
assert sales.time_recent(timedelta(days=1)).to_pandas_dataframe().empty
assert sales.drop_columns(["sold", "no such column"]).time_before(start).to_pandas_dataframe().shape == (3, 1)
for untimed in (sales.drop_columns(columns=["day"]), sales.keep_columns(columns=["sold"], validate=False)):
    try:
        untimed.time_before(start)
        raise AssertionError("no timestamp is left")
    except DatasetTimestampMissingError as error:
        print("Expected exception:", error)
sales = sales.register(ws, "sales", create_new_version=True)
assert len(Dataset.get_by_name(ws, "sales").time_before(start).to_pandas_dataframe()) == 3
for made, read in ((warm.to_csv_files(), pd.read_csv), (warm.to_parquet_files(), pd.read_parquet)):
    assert isinstance(made, FileDataset)
    with made.mount() as mounted:
        (name,) = os.listdir(mounted.mount_point)
        pd.testing.assert_frame_equal(read(os.path.join(mounted.mount_point, name)), warm.to_pandas_dataframe())
warm_files = warm.to_csv_files()

# Registered: a name, versions, tags.
table = table.register(workspace=ws, name="weather-table", description="four days", tags={"format": "csv"})
assert (table.name, table.version, table.description, table.tags) == (
    "weather-table",
    1,
    "four days",
    {"format": "csv"},
)
newer = table.take(2).register(ws, "weather-table", create_new_version=True)
assert newer.version == 2
assert Dataset.get_by_name(ws, "weather-table").version == 2
assert Dataset.get_by_name(workspace=ws, name="weather-table", version=1).id == table.id
assert Dataset.get_by_id(ws, id=table.id).name == "weather-table"
assert "weather-table" in Dataset.get_all(ws)
assert ws.datasets["weather-table"].version == 2
written = Dataset.Tabular.register_pandas_dataframe(frame, (datastore, "from-pandas"), "from-pandas")
pd.testing.assert_frame_equal(written.to_pandas_dataframe(), frame)
try:
    Dataset.get_by_name(ws, "no-such-dataset")
except UserErrorException as error:
    print("As expected:", error.message)
else:
    raise AssertionError("a dataset that is not there was found")

# Files.
files = Dataset.File.from_files(path=(datastore, "weather/*.csv"))
assert isinstance(files, FileDataset)
assert sorted(path.lstrip("/") for path in files.to_path()) == ["first.csv", "second.csv"]
paths = files.download(target_path="downloaded", overwrite=True)
assert sorted(map(os.path.basename, paths)) == ["first.csv", "second.csv"]
assert all(map(os.path.isfile, paths))
with files.mount() as mounted:
    found = [name for _, _, names in os.walk(mounted.mount_point) for name in names]
assert sorted(found) == ["first.csv", "second.csv"]
assert len(files.take(1).to_path()) == len(files.skip(1).to_path()) == 1
files.register(ws, "weather-files")
uploaded = Dataset.File.upload_directory(src_dir="weather", target=(datastore, "by-directory"), pattern="*.csv")
assert len(uploaded.to_path()) == 2

# Inputs of a script: as a folder that is there, as a copy, as the dataset itself; and an output of it.
env = Environment("this-python")
env.python.user_managed_dependencies = True
env.python.interpreter_path = sys.executable
output = OutputFileDatasetConfig(name="means", destination=(datastore, "means/{run-id}")).register_on_complete("means")
src = ScriptRunConfig(
    "./src",
    "means.py",
    arguments=[
        "--mounted",
        files.as_named_input("weather").as_mount(),
        "--copied",
        files.as_named_input("copied").as_download(path_on_compute="copied-here"),
        "--table",
        table.as_named_input("table"),
        "--out",
        output,
    ],
    environment=env,
)
run = Experiment(ws, "datasets").submit(src)
run.wait_for_completion(show_output=True)
metrics = run.get_metrics()
assert metrics["files"] == ["first.csv,second.csv"] * 2
assert metrics["mean"] == 18.75
means = Dataset.get_by_name(ws, "means")
assert [os.path.basename(path) for path in means.download("means")] == ["mean.txt"]
assert open(means.download("means", overwrite=True)[0]).read() == "18.75"

# One file is given by its path, as the dataset was created from it.
one = Dataset.File.from_files((datastore, "weather/first.csv"))
for given, name in ((one.as_mount(), "first.csv"), (one.as_download("here"), "first.csv"), (warm_files.as_mount(), "")):
    code = "import os, sys; print('file' if os.path.isfile(sys.argv[1]) else 'folder', os.path.basename(sys.argv[1]))"
    single = ScriptRunConfig("./src", command=["python", "-c", code, given], environment=env)
    third = Experiment(ws, "datasets").submit(single)
    third.wait_for_completion()
    third.download_file("azureml-logs/70_driver_log.txt", "log.txt")
    assert open("log.txt").read().split()[:1] == ["file" if name else "folder"]
    assert name in open("log.txt").read()

# Inputs of an estimator.
consumed = DatasetConsumptionConfig("weather", Dataset.get_by_name(ws, "weather-files"), mode="mount")
est = Estimator(
    "./src",
    compute_target="local",
    entry_script="means.py",
    script_params={"--mounted": consumed},
    inputs=[Dataset.get_by_name(ws, "weather-table", version=1).as_named_input("table")],
    environment_definition=env,
)
second = Experiment(ws, "datasets").submit(est)
second.wait_for_completion()
assert second.get_metrics()["mean"] == 18.75
for name in ("not allowed", ""):
    try:
        DatasetConsumptionConfig(name, files)
    except UserErrorException as error:
        print("As expected:", error.message)
    else:
        raise AssertionError(f"a dataset was named {name!r}")

print("datasets: all cells ran")
