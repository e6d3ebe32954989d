"""Train, register, deploy locally, call, update, delete.

In the manner of v1's "register model and deploy locally" notebook and its tutorial's second part; written from scratch.
"""

import json
import sys
import urllib.request

from azureml.core import Environment, Experiment, Image, ScriptRunConfig, Workspace
from azureml.core.image import ContainerImage
from azureml.core.model import InferenceConfig, Model
from azureml.core.webservice import AciWebservice, AksWebservice, LocalWebservice, Webservice
from azureml.exceptions import WebserviceException

ws = Workspace.from_config()

environment = Environment("LocalDeploy")
environment.python.user_managed_dependencies = True
environment.python.interpreter_path = sys.executable

# Train and register.
src = ScriptRunConfig("./src", "train.py", environment=environment)
run = Experiment(ws, "line").submit(src)
run.wait_for_completion(show_output=False)
model = run.register_model(model_name="line", model_path="outputs/line.json")
print(model.name, model.id, model.version, sep="\t")

# Deploy on this machine.
inference_config = InferenceConfig(entry_script="score.py", environment=environment)
deployment_config = LocalWebservice.deploy_configuration()
local_service = Model.deploy(ws, "local-line", [model], inference_config, deployment_config)
local_service.wait_for_deployment(show_output=True)
print(f"Local service port: {local_service.port}")

test_sample = bytes(json.dumps({"data": [1, 2]}), encoding="utf8")
assert local_service.run(input_data=test_sample) == [3, 5]
request = urllib.request.Request(local_service.scoring_uri, test_sample, {"Content-Type": "application/json"})
with urllib.request.urlopen(request) as response:
    assert json.loads(response.read().decode()) == [3, 5]

# Changed script, same service.
with open("score.py") as file:
    text = file.read()
with open("score.py", "w") as file:
    file.write(text.replace("return [", "return [10 * "))
port = local_service.port
local_service.reload()
local_service.wait_for_deployment()
assert local_service.run(test_sample) == [10 * 2 + 1, 10 * 4 + 1]
assert local_service.port == port
local_service.update(models=[Model(ws, "line", version=1)], wait=True)
print(local_service.get_logs())
local_service.delete()
Model.print_configuration([model], inference_config, deployment_config)
Webservice.check_for_existing_webservice(ws, "aci-line")

# As in 2018.
image_config = ContainerImage.image_configuration(execution_script="score.py", runtime="python")
image_config._inference.environment = environment  # it would be built from a conda_file
aciconfig = AciWebservice.deploy_configuration(
    cpu_cores=1, memory_gb=1, tags={"method": "line"}, description="Predict a line"
)
service = Webservice.deploy_from_model(
    workspace=ws, name="aci-line", deployment_config=aciconfig, models=[model], image_config=image_config
)
service.wait_for_deployment(show_output=True)
image = ContainerImage.create(name="line-image", models=[model], image_config=image_config, workspace=ws)
assert isinstance(image, Image)
print(service.state, service.scoring_uri is not None, ws.webservices["aci-line"].tags)
assert Webservice(ws, "aci-line").run(test_sample) == [21, 41]
service.update(auth_enabled=True, wait=True)
request.full_url = service.scoring_uri
request.add_header("Authorization", "Bearer " + service.get_keys()[0])
with urllib.request.urlopen(request) as response:
    assert json.loads(response.read().decode()) == [21, 41]
service.delete()
assert AksWebservice.deploy_configuration(autoscale_enabled=False, num_replicas=3).num_replicas == 3

# A script whose init fails says so.
with open("score.py", "w") as file:
    file.write("def init():\n    raise ValueError('no weights')\n\n\ndef run(data):\n    return data\n")
broken = Model.deploy(ws, "broken", [model], inference_config, deployment_config, overwrite=True)
try:
    broken.wait_for_deployment()
except WebserviceException as error:
    assert "ValueError: no weights" in error.message
else:
    raise AssertionError("a service without weights answers")
broken.delete()
assert not ws.webservices

print("deploy: all cells ran")
