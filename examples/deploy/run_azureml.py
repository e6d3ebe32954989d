"""The digits of the second program, answering, with SDK v1's imports (``trainshed[azureml]``)."""

import json
import os
import sys
import urllib.request

from sklearn.datasets import load_digits

from azureml.core import Experiment, Model, Workspace
from azureml.core.model import InferenceConfig
from azureml.core.webservice import LocalWebservice

here = os.path.dirname(os.path.abspath(__file__))
os.chdir(here)

ws = Workspace.from_config()
runs = [run for run in Experiment(workspace=ws, name="digits").get_runs() if run.get_status() == "Completed"]
if not runs:
    sys.exit("There is no trained model yet. Run the second program first: python examples/mpi_estimator/run.py")
model = runs[0].register_model(model_name="digits", model_path="outputs/model.npz")

inference_config = InferenceConfig(entry_script="score.py", conda_file="environment.yml")
deployment_config = LocalWebservice.deploy_configuration()
service = Model.deploy(ws, "digits", [model], inference_config, deployment_config, overwrite=True)
service.wait_for_deployment(show_output=True)

# As Python programs ask.
pixels, labels = load_digits(return_X_y=True)
answers = service.run(json.dumps({"data": pixels.tolist()}))
right = sum(answer == label for answer, label in zip(answers, labels.tolist(), strict=True))
print(f"{right / len(labels):.1%} of {len(labels)} digits are right.")

# As all others do.
headers = {"Content-Type": "application/json"}
request = urllib.request.Request(service.scoring_uri, json.dumps({"data": pixels[:1].tolist()}).encode(), headers)
with urllib.request.urlopen(request) as response:
    print(f"The first digit is taken for a {json.load(response)[0]}; it is a {labels[0]}.")
print("The service goes on. To end it: trainshed services delete digits")
