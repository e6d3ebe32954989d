"""A tour of the logging API, in an interactive run.

In the manner of v1's "logging API" tutorial; written from scratch.
"""

import os

from azureml.core import Experiment, Run, Workspace
from azureml.core.run import _OfflineRun
from azureml.exceptions import AzureMLException, UserErrorException

ws = Workspace.from_config()
experiment = Experiment(workspace=ws, name="logging-api-test")

# No snapshot: there is nothing to keep of this folder.
run = experiment.start_logging(snapshot_directory=None)
assert run.get_status() == "Running"
assert len(run.id) == 36

# Scalars: once is a number, several times a list.
run.log(name="learning rate", value=0.01, description="of the first try")
run.log(name="epochs", value=3)
run.log(name="converged", value=True)
run.log(name="optimizer", value="adam")
for step, loss in enumerate([0.9, 0.5, 0.3]):
    run.log(name="loss", value=loss, step=step)
run.flush()
assert run.get_metrics(name="loss") == {"loss": [0.9, 0.5, 0.3]}

# Lists: several calls append, one element comes back alone, none is no metric.
run.log_list(name="fibonacci", value=[0, 1, 1, 2], description="as far as it goes")
run.log_list(name="fibonacci", value=[3, 5])
run.log_list(name="single", value=[7])
run.log_list(name="none at all", value=[])

# Rows and tables.
for i in range(3):
    run.log_row(name="sine", angle=i, value=i * i)
run.log_row("one row", description="alone", left=1, right="a")
run.log_table(name="curve", value={"x": [1, 2, 3], "y": [0.1, 0.2, 0.3]}, description="a table at once")
run.log_table("constants", {"pi": 3.14, "e": 2.72})

metrics = run.get_metrics()
assert metrics["learning rate"] == 0.01
assert metrics["epochs"] == 3
assert isinstance(metrics["epochs"], int)
assert metrics["converged"] is True
assert metrics["optimizer"] == "adam"
assert metrics["fibonacci"] == [0, 1, 1, 2, 3, 5]
assert metrics["single"] == 7
assert "none at all" not in metrics
assert metrics["sine"] == {"angle": [0, 1, 2], "value": [0, 1, 4]}
assert metrics["one row"] == {"left": 1, "right": "a"}
assert metrics["curve"] == {"x": [1, 2, 3], "y": [0.1, 0.2, 0.3]}
assert metrics["constants"] == {"pi": 3.14, "e": 2.72}

# What cannot be logged is said.
for value in ([1, 2], range(3)):
    try:
        run.log("loss", value)
    except UserErrorException as error:
        print("As expected:", error.message)
    else:
        raise AssertionError(f"{value} was logged as a scalar")
try:
    run.log_table("uneven", {"x": [1, 2], "y": [1]})
except AzureMLException as error:
    print("As expected:", error.message)
else:
    raise AssertionError("columns of different lengths were logged")

# Tags can be changed, properties cannot.
run.tag("quality", "fantastic")
run.tag("reviewed")
run.set_tags({"quality": "good", "round": 2})
assert run.get_tags() == run.tags
assert run.tags["quality"] == "good"
assert run.tags["round"] == "2"
assert "reviewed" in run.tags
run.remove_tags(["reviewed"])
assert "reviewed" not in run.tags
run.add_properties({"author": "a tutorial"})
assert run.get_properties()["author"] == run.properties["author"] == "a tutorial"
try:
    run.add_properties({"author": "another"})
except AzureMLException as error:
    print("As expected:", error)
else:
    raise AssertionError("a property was changed")

# Files.
with open("myfile.txt", "w") as file:
    file.write("This is an output file from the run.")
run.upload_file(name="results/myfile.txt", path_or_stream="./myfile.txt")
with open("myfile.txt", "rb") as stream:
    run.upload_file("results/stream.txt", stream)
os.makedirs("folder/inner")
for name in ("folder/a.txt", "folder/inner/b.txt"):
    with open(name, "w") as file:
        file.write(name)
run.upload_folder(name="tree", path="folder")
run.upload_files(names=["one.txt", "two.txt"], paths=["folder/a.txt", "folder/inner/b.txt"])
uploaded = {"results/myfile.txt", "results/stream.txt", "tree/a.txt", "tree/inner/b.txt", "one.txt", "two.txt"}
assert uploaded <= set(run.get_file_names())
run.download_file(name="tree/inner/b.txt", output_file_path="back.txt")
assert open("back.txt").read() == "folder/inner/b.txt"
run.download_files(output_paths=["1.txt", "2.txt"], prefix="results/")
assert open("1.txt").read() == open("2.txt").read() == "This is an output file from the run."
try:
    run.upload_files(["one.txt"], ["a", "b"])
except TypeError as error:
    print("As expected:", error)
else:
    raise AssertionError("a name for two files was taken")
try:
    run.upload_file("one.txt", "folder/a.txt")
except UserErrorException as error:
    print("As expected:", error.message)
else:
    raise AssertionError("a file was replaced")

run.complete()
assert run.get_status() == "Completed"
assert run.get_metrics() == metrics

# In a script that is started by hand the same calls print.
offline = Run.get_context()
assert isinstance(offline, _OfflineRun)
assert offline.id.startswith("OfflineRun_")
offline.log("loss", 0.1)
offline.log_list("several", [1, 2])
offline.log_row("row", a=1)
offline.log_table("table", {"a": [1]})
offline.tag("k", "v")
offline.set_tags({"a": 1})
offline.upload_file("myfile", "./myfile.txt")
with offline.child_run("inner") as child:
    child.log("x", 1)
offline.flush()
offline.complete()

print("logging_api: all cells ran")
