"""Models: registered from a run and from a file, found again, downloaded, used in a script.

In the manner of v1's "register model" tutorials; written from scratch.
"""

import os
import sys

import joblib

from azureml.core import Experiment, Model, ScriptRunConfig, Workspace
from azureml.exceptions import ModelPathNotFoundException, WebserviceException

ws = Workspace.from_config()
experiment = Experiment(ws, "models")
src = ScriptRunConfig("./src", "train.py")
src.run_config.environment.python.user_managed_dependencies = True
src.run_config.environment.python.interpreter_path = sys.executable
run = experiment.submit(src)
run.wait_for_completion(show_output=True)

# From a run.
model = run.register_model(
    model_name="ridge",
    model_path="outputs/ridge.pkl",
    tags={"area": "diabetes"},
    properties={"alpha": "0.5"},
    model_framework=Model.Framework.SCIKITLEARN if hasattr(Model, "Framework") else "ScikitLearn",
    model_framework_version="1.5",
    description="a ridge",
)
assert (model.name, model.version, model.id) == ("ridge", 1, "ridge:1")
assert model.description == "a ridge"
assert model.run_id == run.id
try:
    run.register_model("nothing", model_path="outputs/no-such-file.pkl")
except ModelPathNotFoundException as error:
    print("As expected:", error.message)
else:
    raise AssertionError("a model was registered from a file that is not there")

# From a file and from a folder of this machine.
run.download_file("outputs/ridge.pkl", "ridge.pkl")
second = Model.register(
    workspace=ws, model_path="ridge.pkl", model_name="ridge", tags={"area": "diabetes", "by": "hand"}
)
assert second.version == 2
os.makedirs("folder/inner")
for name in ("folder/a.txt", "folder/inner/b.txt"):
    with open(name, "w") as file:
        file.write(name)
Model.register(ws, "folder", "of-a-folder", description="two files")
try:
    Model.register(ws, "no-such-file.pkl", "nothing")
except WebserviceException as error:
    print("As expected:", error.message)
else:
    raise AssertionError("a model was registered from a file that is not there")

# Found again.
assert Model(ws, "ridge").version == 2
assert Model(ws, name="ridge", version=1).id == Model(ws, id="ridge:1").id
assert Model(ws, name="ridge", tags=[["by", "hand"]]).version == 2
assert ws.models["ridge"].version == 2
assert set(ws.models()) == {"ridge", "of-a-folder"}
assert {each.version for each in Model.list(ws, name="ridge")} == {1, 2}
assert [each.version for each in Model.list(ws, name="ridge", latest=True)] == [2]
assert [each.version for each in Model.list(ws, tags=["area", ["by", "hand"]])] == [2]
assert [each.version for each in Model.list(ws, run_id=run.id)] == [1]
try:
    Model(ws, "no-such-model")
except WebserviceException as error:
    print("As expected:", error.message)
else:
    raise AssertionError("a model that is not there was found")

# Downloaded.
path = Model(ws, "ridge", version=1).download(target_dir="down", exist_ok=True)
assert joblib.load(path).alpha == 0.5
try:
    Model(ws, "ridge", version=1).download(target_dir="down")
except WebserviceException as error:
    print("As expected:", error.message)
else:
    raise AssertionError("a file was replaced")
whole = Model(ws, "of-a-folder").download("down")
assert open(os.path.join(whole, "inner", "b.txt")).read() == "folder/inner/b.txt"
assert joblib.load(Model.get_model_path("ridge", version=2, _workspace=ws)).alpha == 0.5

# Used in a script.
src.script = "score.py"
scored = experiment.submit(src)
scored.wait_for_completion()
assert scored.get_metrics()["alpha"] == 0.5

# Labels.
model.add_tags({"quality": "good"})
model.remove_tags(["area"])
model.add_properties({"reviewed": "yes"})
model.update_tags_properties(add_tags={"stage": "trial"}, remove_tags=["quality"], add_properties={"by": "me"})
assert Model(ws, "ridge", version=1).tags == {"stage": "trial"}
assert Model(ws, "ridge", version=1).properties["by"] == "me"
model.update(tags={"stage": "done"}, description="a better ridge")
found = Model(ws, "ridge", version=1)
assert (found.tags, found.description) == ({"stage": "done"}, "a better ridge")
assert Model.deserialize(ws, model.serialize()).id == model.id

second.delete()
assert Model(ws, "ridge").version == 1

print("models: all cells ran")
