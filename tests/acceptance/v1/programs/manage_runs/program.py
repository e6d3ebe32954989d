"""Manage runs: start, tag, find, cancel and fail them; runs with children.

In the manner of v1's "manage runs" tutorial; written from scratch.
"""

import sys

from azureml.core import Experiment, Run, ScriptRunConfig, Workspace
from azureml.exceptions import AzureMLException, UserErrorException

ws = Workspace.from_config()
exp = Experiment(workspace=ws, name="manage-runs")

# An interactive run: it is running as soon as it is there.
notebook_run = exp.start_logging(snapshot_directory=None, display_name="by hand")
notebook_run.log(name="message", value="Hello from run!")
assert notebook_run.get_status() == "Running"
assert notebook_run.display_name == "by hand"
notebook_run.complete()
assert notebook_run.get_status() == "Completed"

# As a context manager: an exception makes the run fail, and goes on.
with exp.start_logging(snapshot_directory=None) as context_run:
    context_run.log(name="Accuracy", value=0.99)
assert context_run.get_status() == "Completed"
try:
    with exp.start_logging(snapshot_directory=None) as broken:
        broken.log("x", 1)
        raise ValueError("something was wrong")
except ValueError:
    pass
assert broken.get_status() == "Failed"
assert "something was wrong" in str(broken.get_details()["error"])

# Two submitted runs.
config = ScriptRunConfig(source_directory="./src", script="hello.py", compute_target="local")
config.run_config.environment.python.user_managed_dependencies = True
config.run_config.environment.python.interpreter_path = sys.executable
local_run = exp.submit(config, tags={"quality": "unknown"})
local_run.wait_for_completion()
assert local_run.get_metrics() == {"message": "Hello from the script!"}

# A run that is told to fail.
failed = exp.start_logging(snapshot_directory=None)
failed.fail(error_details="Could not read the data", error_code="DataError")
assert failed.get_status() == "Failed"
assert "Could not read the data" in str(failed.get_details()["error"])

# A run that is cancelled while it runs.
config.arguments = ["--for-ever"]
endless = exp.submit(config)
assert endless.get_status() in ("NotStarted", "Queued", "Preparing", "Starting", "Running")
endless.cancel()
assert endless.wait_for_completion(raise_on_error=False)["status"] == "Canceled"
assert endless.get_status() == "Canceled"
config.arguments = []

# Tags, and finding runs by them.
local_run.tag("quality", "great")
local_run.tag("worth another look")
failed.tag("worth another look")
local_run.add_properties({"author": "azureml-user"})
assert [run.id for run in exp.get_runs(tags="worth another look")] == [failed.id, local_run.id]
assert [run.id for run in exp.get_runs(tags={"quality": "great"})] == [local_run.id]
assert [run.id for run in exp.get_runs(properties={"author": "azureml-user"})] == [local_run.id]
assert {run.id for run in exp.get_runs(type="azureml.scriptrun")} == {local_run.id, endless.id}
assert [run.id for run in Run.list(exp, status="Canceled")] == [endless.id]
assert len(list(exp.get_runs())) == 6
target = ws.compute_targets["local"]
assert {run.id for run in Run.list_by_compute(target, type="azureml.scriptrun")} == {local_run.id, endless.id}

# Children.
parent = exp.start_logging(snapshot_directory=None)
parent.log("alpha", 0)
children = []
for count in range(3):
    child = parent.child_run(name=f"child {count}")
    child.log("Hello from child run", count)
    child.complete()
    children.append(child)
with parent.child_run() as in_a_block:
    in_a_block.log("x", 1)
    grandchild = in_a_block.child_run()
    grandchild.log("deep", 2)
    grandchild.complete()
bundle = parent.create_children(count=2)
by_tag = parent.create_children(tag_key="fold", tag_values=["first", "second"])
assert [run.tags["fold"] for run in by_tag] == ["first", "second"]
for run in bundle + by_tag:
    assert run.get_status() == "NotStarted"
    run.start()
    assert run.get_status() == "Running"
    run.log("y", 2)
    run.complete()
for wrong in ({}, {"count": 101}, {"count": 2, "tag_key": "fold", "tag_values": ["a"]}, {"tag_key": "fold"}):
    try:
        parent.create_children(**wrong)
    except UserErrorException as error:
        print("As expected:", error.message)
    else:
        raise AssertionError(f"create_children({wrong}) made some")

# A script submitted as a child.
submitted = parent.submit_child(config, tags={"kind": "submitted"})
submitted.wait_for_completion()
assert submitted.parent == parent
assert submitted.get_metrics()["message"] == "Hello from the script!"
parent.complete()

expected = [run.id for run in [*children, in_a_block, *bundle, *by_tag, submitted]]
assert {run.id for run in parent.get_children()} == set(expected)
assert next(iter(parent.get_children())).id == submitted.id
assert {run.id for run in parent.get_children(recursive=True)} == {*expected, grandchild.id}
assert [run.id for run in parent.get_children(tags={"fold": "first"})] == [by_tag[0].id]
assert [run.id for run in parent.get_children(type="azureml.scriptrun")] == [submitted.id]
assert {run.id for run in parent.get_children(status="Completed")} == set(expected)
metrics = parent.get_metrics(recursive=True)
assert metrics[parent.id] == {"alpha": 0}
assert metrics[children[2].id] == {"Hello from child run": 2}
assert grandchild.parent == in_a_block
assert parent.id in {run.id for run in exp.get_runs()}
assert children[0].id not in {run.id for run in exp.get_runs()}
assert children[0].id in {run.id for run in exp.get_runs(include_children=True)}

# A script that makes its own children.
config.arguments = ["--children", 3]
outer = exp.submit(config)
outer.wait_for_completion()
assert sorted(run.get_metrics()["square"] for run in outer.get_children()) == [0, 1, 4]

# A factory for a type of run of one's own.
Run.add_type_provider("azureml.scriptrun", lambda experiment, dto: Run(experiment, local_run.id))
try:
    Run.add_type_provider("", None)
except (ValueError, AzureMLException, TypeError) as error:
    print("As expected:", error)

# Experiments: labels, archive.
exp.set_tags({"team": "acceptance", "old": "1"})
exp.tag("stage", "trial")
exp.remove_tags(["old"])
exp.refresh()
assert exp.tags == {"team": "acceptance", "stage": "trial"}
assert exp.id
assert exp.name in ws.experiments
assert exp.name in ws.experiments()
assert [each.name for each in Experiment.list(ws, tags={"team": "acceptance"})] == [exp.name]
exp.archive()
assert exp.archived_time is not None
assert exp.name not in ws.experiments
assert exp.name in [each.name for each in Experiment.list(ws, view_type="ArchivedOnly")]
exp.reactivate()
assert exp.archived_time is None
assert exp.name in [each.name for each in Experiment.list(ws, view_type="ActiveOnly")]
empty = Experiment(ws, "never-used")
Experiment.delete(ws, empty.id)
assert "never-used" not in ws.experiments
assert exp.get_portal_url().startswith("http")
assert Experiment.get_docs_url().startswith("http")
assert "manage-runs" in exp._repr_html_()
for name in ("with space", "", "-first"):
    try:
        Experiment(ws, name)
    except UserErrorException as error:
        print("As expected:", error.message)
    else:
        raise AssertionError(f"an experiment was named {name!r}")

print("manage_runs: all cells ran")
