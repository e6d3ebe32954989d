"""Data to a datastore and back, and to scripts by data references.

In the manner of v1's "work with data" tutorials; written from scratch.
"""

import os
import sys

from azureml.core import Datastore, Experiment, Run, RunConfiguration, ScriptRunConfig, Workspace
from azureml.core.runconfig import DataReferenceConfiguration
from azureml.data.data_reference import DataReference
from azureml.data.datapath import DataPath
from azureml.exceptions import UserErrorException
from azureml.train.estimator import Estimator

ws = Workspace.from_config()

# The datastores that every workspace has.
assert {"workspaceblobstore", "workspacefilestore"} <= set(ws.datastores)
assert set(ws.datastores()) == set(ws.datastores)
default = ws.get_default_datastore()
assert default.name == Datastore.get_default(ws).name
assert Datastore(ws).name == default.name == "workspaceblobstore"
assert default.datastore_type == "AzureBlob"
files = Datastore.get(ws, "workspacefilestore")
assert Datastore(ws, "workspacefilestore").datastore_type == "AzureFile"
files.set_as_default()
assert ws.get_default_datastore().name == "workspacefilestore"
ws.set_default_datastore("workspaceblobstore")
assert ws.get_default_datastore().name == "workspaceblobstore"
try:
    Datastore.get(ws, "no-such-store")
except UserErrorException as error:
    print("As expected:", error.message)
else:
    raise AssertionError("a datastore that is not there was found")

# A folder of this machine as one more.
os.makedirs("mine/deep")
mine = Datastore.register_folder(ws, "mine", os.path.abspath("mine"))
assert "mine" in ws.datastores

# Up.
os.makedirs("data/more")
for name, text in {"a.csv": "1,2\n", "b.csv": "3,4\n", "more/c.csv": "5,6\n"}.items():
    with open(os.path.join("data", name), "w") as file:
        file.write(text)
reference = default.upload(src_dir="data", target_path="numbers", overwrite=True, show_progress=True)
assert isinstance(reference, DataReference)
assert reference.path_on_datastore == "numbers"
default.upload("data", target_path="numbers")
default.upload_files(["data/a.csv", "data/more/c.csv"], relative_root="data", target_path="picked", overwrite=True)
try:
    default.upload_files(["data/no-such.csv"])
except UserErrorException as error:
    print("As expected:", error.message)
else:
    raise AssertionError("a file that is not there was uploaded")

# Down.
assert default.download(target_path="back", prefix="numbers", show_progress=True) == 3
assert open("back/numbers/more/c.csv").read() == "5,6\n"
assert default.download("back2", prefix="picked") == 2
assert default.download("back3", prefix="nothing-there") == 0
with open("back/numbers/a.csv", "w") as file:
    file.write("changed\n")
default.download("back", prefix="numbers")
assert open("back/numbers/a.csv").read() == "changed\n"
default.download("back", prefix="numbers", overwrite=True)
assert open("back/numbers/a.csv").read() == "1,2\n"

# References: what they say.
as_download = default.path("numbers", "nm").as_download(path_on_compute="local/dir")
assert str(as_download) == "$AZUREML_DATAREFERENCE_nm"
assert (as_download.data_reference_name, as_download.mode) == ("nm", "download")
assert as_download.path_on_compute == "local/dir"
assert default.path("a").path("b", "deeper").path_on_datastore == "a/b"
assert str(default.as_mount()) == "$AZUREML_DATAREFERENCE_workspaceblobstore"
assert default.as_download().mode == "download"
assert default.as_upload().mode == "upload"
for wrong in ({"mode": "copy"}, {"data_reference_name": "not allowed"}):
    try:
        DataReference(default, **wrong)
    except UserErrorException as error:
        print("As expected:", error.message)
    else:
        raise AssertionError(f"DataReference({wrong}) was made")
made = DataReference.create("by_path", DataPath(default, "numbers"))
assert made.path_on_datastore == "numbers"

# An estimator reads one folder in place, copies another, and leaves a third on the datastore.
experiment = Experiment(ws, "data-references")
est = Estimator(
    source_directory="./src",
    compute_target="local",
    entry_script="sums.py",
    script_params={
        "--mounted": default.path("numbers").as_mount(),
        "--downloaded": default.path("picked", "picked").as_download(),
        "--store": default,
        "--out": "results",
    },
    inputs=[mine.path("deep", "deep").as_mount(), files.path("sums", "sums").as_upload(path_on_compute="results")],
    user_managed=True,
)
est.run_config.environment.python.interpreter_path = sys.executable
run = experiment.submit(est)
run.wait_for_completion(show_output=True)
metrics = run.get_metrics()
assert metrics["mounted"] == 21
assert metrics["downloaded"] == 14
assert metrics["names"] == "deep,picked,sums,workspaceblobstore"
assert files.download("sums-back", prefix="sums") == 1
assert open("sums-back/sums/total.txt").read() == "35"

# The same of a run configuration, as ScriptRunConfig had it.
config = RunConfiguration()
config.environment.python.user_managed_dependencies = True
config.environment.python.interpreter_path = sys.executable
numbers = DataReference(datastore=default, data_reference_name="numbers", path_on_datastore="numbers", mode="download")
config.data_references = {
    numbers.data_reference_name: numbers.to_config(),
    "again": DataReferenceConfiguration("workspaceblobstore", "mount", "picked"),
}
arguments = ["--mounted", str(numbers), "--downloaded", "$AZUREML_DATAREFERENCE_again", "--out", "results"]
second = experiment.submit(ScriptRunConfig("./src", "sums.py", arguments, config))
second.wait_for_completion()
assert (second.get_metrics()["mounted"], second.get_metrics()["downloaded"]) == (21, 14)

# Files of an interactive run may go to a datastore of one's choice.
with experiment.start_logging(snapshot_directory=None) as by_hand:
    by_hand.upload_file("kept/a.csv", "data/a.csv", datastore_name="workspaceblobstore")
    by_hand.upload_folder("kept/more", "data/more", datastore_name="workspaceblobstore")
assert {"kept/a.csv", "kept/more/c.csv"} <= set(Run(experiment, by_hand.id).get_file_names())

# What was 2018's cloud says what to use instead, in one sentence.
for register, arguments in {
    Datastore.register_azure_blob_container: ("blob", "container", "account"),
    Datastore.register_azure_file_share: ("share", "share", "account"),
    Datastore.register_azure_data_lake: ("lake", "store"),
    Datastore.register_azure_data_lake_gen2: ("lake2", "filesystem", "account"),
    Datastore.register_azure_sql_database: ("sql", "server", "database"),
    Datastore.register_azure_postgre_sql: ("postgres", "server", "database", "user", "password"),
    Datastore.register_azure_my_sql: ("mysql", "server", "database", "user", "password"),
    Datastore.register_dbfs: ("dbfs",),
    Datastore.register_hdfs: ("hdfs", "http", "namenode", "certificate", "realm", "kdc", "principal"),
}.items():
    try:
        register(ws, *arguments)
    except UserErrorException as error:
        assert "register_folder" in error.message
    else:
        raise AssertionError("an object store was registered")

mine.unregister()
assert "mine" not in ws.datastores
assert os.path.isdir("mine")

print("datastores: all cells ran")
