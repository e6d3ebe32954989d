"""A run configuration that came as a file, with data in it, and one that is saved with its data for the next time.

In the manner of repositories for v1 that keep their configurations in .azureml; written from scratch.
"""

import os
import sys

from azureml.core import Dataset, Experiment, RunConfiguration, ScriptRunConfig, Workspace
from azureml.core.runconfig import PyTorchConfiguration
from azureml.data import OutputFileDatasetConfig
from azureml.train.dnn import PyTorch

ws = Workspace.from_config()
experiment = Experiment(ws, "saved-configuration")

# The data that the file names.
datastore = ws.get_default_datastore()
os.makedirs("data", exist_ok=True)
with open("data/2026.csv", "w", encoding="utf-8") as file:
    file.write("day,mm\n1,7\n2,0\n")
datastore.upload(src_dir="data", target_path="rain", overwrite=True, show_progress=False)
Dataset.File.from_files(path=(datastore, "rain")).register(ws, "rain")

run_config = RunConfiguration.load(path=".", name="teaching")
run_config.environment.python.interpreter_path = sys.executable
run = experiment.submit(ScriptRunConfig(source_directory="src", run_config=run_config))
details = run.wait_for_completion(show_output=True)
assert run.get_metrics() == {"files": 1}
assert Dataset.get_by_name(ws, "cleaned-rain").to_path() == ["/2026.csv"]

# Which version of the data was used, and where is what was made of it?
used = details["inputDatasets"][0]["dataset"]
assert (used.name, used.version) == ("rain", 1)
assert details["outputDatasets"][0]["dataset"].to_path() == ["/2026.csv"]
assert details["runDefinition"]["environment"]["name"] == "teaching"

# The next one is made in code, and saved for the others.
run_config.arguments = [
    "--rain",
    Dataset.File.from_files(path=(datastore, "rain")).as_named_input("rain_again").as_mount(),
    "--cleaned",
    OutputFileDatasetConfig(name="again", destination=(datastore, "again")).as_upload(overwrite=True),
]
run_config.data, run_config.output_data = {}, {}
run_config.save(path=os.getcwd(), name="next")
loaded = RunConfiguration.load(path=os.getcwd(), name="next")
src = ScriptRunConfig(source_directory="src", run_config=loaded)
run = experiment.submit(src)
run.wait_for_completion()
assert run.get_metrics() == {"files": 1}
assert Dataset.File.from_files((datastore, "again")).to_path() == ["/2026.csv"]

# What a distributed run was asked for stands in its details as v1 told it.
estimator = PyTorch(
    source_directory="src",
    entry_script="ranks.py",
    compute_target="local",
    distributed_training=PyTorchConfiguration("Gloo", process_count=2),
    user_managed=True,
)
estimator.run_config.environment.python.interpreter_path = sys.executable
definition = experiment.submit(estimator).wait_for_completion()["runDefinition"]
assert (definition["framework"], definition["communicator"], definition["nodeCount"]) == ("PyTorch", "Gloo", 1)
assert definition["pytorch"]["processCount"] == 2
print("saved_configuration: all cells ran")
