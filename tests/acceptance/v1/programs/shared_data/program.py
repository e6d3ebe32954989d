"""Data for several scripts: a table of one file, a folder that the first script makes, rows chosen by time.

In the manner of v1's notebooks about data and of those who built on them; written from scratch.
"""

import os
import sys
from datetime import datetime

import pandas as pd

from azureml.core import Dataset, Datastore, Experiment, Workspace
from azureml.train.estimator import Estimator

ws = Workspace.from_config()
experiment = Experiment(ws, "shared-data")
datastore = Datastore.get(ws, "workspaceblobstore")

os.makedirs("weather", exist_ok=True)
days = pd.date_range("2019-01-01", periods=40, freq="D")
pd.DataFrame({"when": days, "mm": range(40), "place": ["north", "south"] * 20}).to_csv("weather/daily.csv", index=False)
datastore.upload_files(files=["./weather/daily.csv"], target_path="weather", overwrite=True, show_progress=False)

# The table by its file: the script gets the path of that file. What it makes goes to a folder that is not there yet.
table_file = Dataset.File.from_files(path=(datastore, "weather/daily.csv"))
first = Estimator(
    source_directory="src",
    entry_script="clean.py",
    compute_target="local",
    user_managed=True,
    script_params={
        "--table": table_file.as_named_input("table").as_mount(),
        "--models": datastore.path("models/of/today").as_mount(),
    },
)
first.run_config.environment.python.interpreter_path = sys.executable
experiment.submit(first).wait_for_completion(show_output=True)
second = Estimator(
    source_directory="src",
    entry_script="use.py",
    compute_target="local",
    user_managed=True,
    script_params={"--models": datastore.path("models/of/today").as_mount()},
)
second.run_config.environment.python.interpreter_path = sys.executable
run = experiment.submit(second)
run.wait_for_completion()
assert run.get_metrics() == {"lines": 41}

# Rows by their time and their values.
table = Dataset.Tabular.from_delimited_files(path=[(datastore, "weather/daily.csv")])
by_time = table.with_timestamp_columns(timestamp="when")
assert len(by_time.time_before(datetime(2019, 1, 11)).to_pandas_dataframe()) in (10, 11)
january = by_time.time_between(datetime(2019, 1, 1), datetime(2019, 1, 31)).to_pandas_dataframe()
assert list(january["mm"]) == list(range(31))
after = by_time.time_after(datetime(2019, 2, 1))
assert set(after.filter(after["place"] == "south").to_pandas_dataframe()["place"]) == {"south"}
train, test = table.random_split(percentage=0.8, seed=7)
assert len(train.to_pandas_dataframe()) + len(test.to_pandas_dataframe()) == 40
assert len(table.sample("simple_random", {"probability": 1.0, "seed": 3}).to_pandas_dataframe()) == 40
assert table.to_csv_files().to_path()
print("shared_data: all cells ran")
