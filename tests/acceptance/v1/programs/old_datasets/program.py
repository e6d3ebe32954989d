"""Datasets as programs of 2019 used them, typed columns, and paths on datastores; written from scratch."""

import os

import pandas as pd

from azureml.core import Dataset, Workspace
from azureml.core.dataset import Dataset as SameDataset
from azureml.core.runconfig import Data, DataLocation, OutputData
from azureml.core.runconfig import Dataset as RunDataset
from azureml.data import DataType
from azureml.data.data_reference import DataReference
from azureml.data.datapath import DataPath, DataPathComputeBinding
from azureml.data.dataset_type_definitions import FileEncoding, PromoteHeadersBehavior
from azureml.exceptions import UserErrorException
from azureml.opendatasets import MNIST

ws = Workspace.from_config()
datastore = ws.get_default_datastore()
assert SameDataset is Dataset

os.makedirs("crime")
frame = pd.DataFrame({"ID": [1, 2, 3], "Arrest": [True, False, True], "Beat": [413, 1423, 2413]})
frame.to_csv("crime/crime.csv", index=False)
frame.to_parquet("crime/crime.parquet")
frame.to_json("crime/crime.json", orient="records", lines=True)

# Created from files of this machine, of one format or another.
dataset = Dataset.auto_read_files(path="crime/crime.csv", include_path=True)
assert len(dataset.head(2)) == 2
assert "Path" in dataset.head(1)
for made in (
    Dataset.from_delimited_files(
        "crime/crime.csv", header=PromoteHeadersBehavior.ALL_FILES_HAVE_SAME_HEADERS, encoding=FileEncoding.UTF8
    ),
    Dataset.auto_read_files("crime/crime.json"),
    Dataset.auto_read_files("crime/crime.parquet"),
    Dataset.from_parquet_files("crime/crime.parquet"),
    Dataset.from_json_files("crime/crime.json"),
    Dataset.from_pandas_dataframe(frame, path="made"),
):
    pd.testing.assert_frame_equal(made.to_pandas_dataframe(), frame)
assert len(Dataset.from_binary_files("crime/*").to_path()) == 3
assert len(made.sample("top_n", {"n": 2}).to_pandas_dataframe()) == 2

# Registered, found and changed.
registered = made.register(workspace=ws, name="crime", description="2019", tags={"city": "C"}, exist_ok=True)
assert registered.register(ws, "crime", exist_ok=True, visible=True).version == 1
assert made.take(2).register(ws, "crime", update_if_exist=True).version == 2
found = Dataset.get(ws, name="crime")
assert (found.name, found.version, found.id) == ("crime", 2, "crime:2")
assert found.workspace is ws
assert Dataset.get(ws, id="crime:1").description == "2019"
assert [each.name for each in Dataset.list(ws)] == ["crime"]
found.add_tags({"year": 2019, "draft": True})
found.remove_tags(["draft"])
found.update(description="two cases")
again = Dataset.get_by_name(ws, "crime")
assert (again.tags, again.description) == ({"year": "2019"}, "two cases")
assert isinstance(Dataset.state, property)
assert isinstance(Dataset.is_visible, property)
assert Dataset.Scenario.TRAINING == "training"

# What there is not says what to do instead, also of the datasets themselves.
for use in (
    found.get_definition,
    found.get_profile,
    found.archive,
    lambda: found.create_snapshot("s"),
    lambda: Dataset.from_sql_query(datastore, "select 1"),
    lambda: Dataset.from_excel_files("crime.xlsx"),
    lambda: Dataset.from_delimited_files("crime/crime.csv", skip_rows=1),
    lambda: Dataset.from_binary_files("crime/*").to_pandas_dataframe(),
    lambda: found.update(name="other"),
    lambda: made.add_tags({"a": "b"}),
    lambda: Dataset.get(ws),
    Dataset,
):
    try:
        use()
    except UserErrorException as error:
        print("As expected:", error.message)
    else:
        raise AssertionError(f"{use} did something")

# Columns with types.
types = {"Arrest": DataType.to_bool(), "Beat": DataType.to_string(), "ID": DataType.to_long()}
types["Day"] = DataType.to_datetime("%d/%m/%Y")
types["Share"] = DataType.to_float(decimal_mark=",")
frame.assign(Day="31/01/2019", Share="0,5").to_csv("crime/typed.csv", index=False)
typed = Dataset.Tabular.from_delimited_files("crime/typed.csv", set_column_types=types).to_pandas_dataframe()
assert typed.iloc[0].tolist() == [1, True, "413", pd.Timestamp(2019, 1, 31), 0.5]

# Paths on datastores.
datastore.upload("crime", "crime", show_progress=False)
path = DataPath(datastore, path_on_datastore="crime/crime.csv", name="crime")
assert (path.datastore_name, path.path_on_datastore) == (datastore.name, "crime/crime.csv")
reference = path.create_data_reference(datapath_compute_binding=DataPathComputeBinding(mode="download"))
assert isinstance(reference, DataReference)
assert (reference.mode, str(reference)) == ("download", "$AZUREML_DATAREFERENCE_crime")
assert DataPath.create_from_data_reference(reference).path_on_datastore == "crime/crime.csv"
assert len(Dataset.Tabular.from_delimited_files(path).to_pandas_dataframe()) == 3

# The same in a run configuration.
described = Data.create(Dataset.get_by_name(ws, "crime").as_named_input("crime"))
assert described.data_location["dataset"]["name"] == "crime"
by_name = Data(data_location=DataLocation(dataset=RunDataset(dataset_name="crime")), mechanism="direct")
assert by_name.mechanism == described.mechanism == "direct"
assert OutputData(mechanism="upload").mechanism == "upload"

# Downloading MNIST takes a connection: its own tests do without.
assert all(map(callable, (MNIST.get_file_dataset, MNIST.get_tabular_dataset)))

print("old_datasets: all cells ran")
