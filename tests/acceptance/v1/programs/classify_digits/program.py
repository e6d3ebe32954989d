"""Train, register, deploy, call: the whole way.

In the manner of v1's tutorial on classifying images of digits, both parts; written from scratch.
"""

import json
import os
import random
import sys
import urllib.request

import numpy as np
import pandas as pd
import sklearn
from sklearn.datasets import load_digits
from sklearn.metrics import confusion_matrix
from sklearn.model_selection import train_test_split

import azureml.core
from azureml.core import Dataset, Environment, Experiment, Image, ScriptRunConfig, Workspace
from azureml.core.model import InferenceConfig, Model, ModelPackage, ModelProfile
from azureml.core.resource_configuration import ResourceConfiguration
from azureml.core.webservice import AciWebservice, Webservice

print("Azure ML SDK Version: ", azureml.core.VERSION)

# Part 1: train.
ws = Workspace.from_config()
print(ws.name, ws.location, ws.resource_group, sep="\t")
exp = Experiment(workspace=ws, name="sklearn-digits")

data_folder = os.path.join(os.getcwd(), "data")
os.makedirs(data_folder, exist_ok=True)
pixels, labels = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(pixels / 16, labels, test_size=0.2, random_state=7)
for name, values in (("X_train", X_train), ("X_test", X_test), ("y_train", y_train), ("y_test", y_test)):
    np.save(os.path.join(data_folder, name + ".npy"), values)
datastore = ws.get_default_datastore()
datastore.upload(data_folder, target_path="digits", overwrite=True)
digits = Dataset.File.from_files(path=[(datastore, "digits/*.npy")])
digits = digits.register(
    workspace=ws, name="digits_dataset", description="training and test data", create_new_version=True
)

env = Environment("tutorial-env")
env.python.user_managed_dependencies = True
env.python.interpreter_path = sys.executable
env.register(workspace=ws)

args = ["--data-folder", digits.as_mount(), "--regularization", 0.5]
src = ScriptRunConfig(
    source_directory="src", script="train.py", arguments=args, compute_target="local", environment=env
)
run = exp.submit(config=src)
run.wait_for_completion(show_output=False)
print(run.get_metrics())
assert run.get_metrics()["accuracy"] > 0.9
print(run.get_file_names())
model = run.register_model(
    model_name="sklearn_digits",
    model_path="outputs/sklearn_digits_model.pkl",
    model_framework=Model.Framework.SCIKITLEARN,
    model_framework_version=sklearn.__version__,
    resource_configuration=ResourceConfiguration(cpu=1, memory_in_gb=0.5),
)
print(model.name, model.id, model.version, sep="\t")

# Part 2: deploy as a web service.
model = Model(ws, "sklearn_digits")
env = Environment.get(workspace=ws, name="tutorial-env")
inference_config = InferenceConfig(entry_script="score.py", environment=env)
aciconfig = AciWebservice.deploy_configuration(
    cpu_cores=1, memory_gb=1, tags={"data": "digits", "method": "sklearn"}, description="Predict digits with sklearn"
)
service = Model.deploy(
    workspace=ws,
    name="sklearn-digits-svc",
    models=[model],
    inference_config=inference_config,
    deployment_config=aciconfig,
)
service.wait_for_deployment(show_output=True)
print(service.scoring_uri)

# Test the model.
test = json.dumps({"data": X_test.tolist()})
test = bytes(test, encoding="utf8")
y_hat = service.run(input_data=test)
conf_mx = confusion_matrix(y_test, y_hat)
print(conf_mx)
accuracy = np.average(np.array(y_hat) == y_test)
print("Overall accuracy:", accuracy)
assert accuracy > 0.9

n = 30
sample_indices = np.random.default_rng(3).permutation(X_test.shape[0])[0:n]
result = service.run(input_data=bytes(json.dumps({"data": X_test[sample_indices].tolist()}), encoding="utf8"))
assert len(result) == n

# As a raw HTTP request.
random_index = random.randint(0, len(X_test) - 1)
input_data = '{"data": [' + str(X_test[random_index].tolist()) + "]}"
headers = {"Content-Type": "application/json"}
request = urllib.request.Request(service.scoring_uri, input_data.encode(), headers)
with urllib.request.urlopen(request) as resp:
    print("POST to url", service.scoring_uri)
    print("label:", y_test[random_index])
    print("prediction:", resp.read().decode())

# What does it need?
requests = pd.DataFrame({"sample_request": [json.dumps({"data": [row.tolist()]}) for row in X_test[:20]]})
sample = Dataset.Tabular.register_pandas_dataframe(requests, datastore, "digit_requests")
profile = Model.profile(ws, "digits-profile", [model], inference_config, input_dataset=sample, cpu=1, memory_in_gb=0.5)
assert isinstance(profile, ModelProfile)
profile.wait_for_completion(True)
details = profile.get_details()
assert (details["successRate"], details["totalQueries"]) == (100, 20)

# Take it elsewhere: a folder with a Dockerfile.
packed_env = Environment.from_conda_specification("packed", "environment.yml")
packed_config = InferenceConfig(entry_script="score.py", environment=packed_env)
package = Model.package(ws, [model], packed_config, generate_dockerfile=True)
assert isinstance(package, ModelPackage)
package.wait_for_creation(show_output=True)
package.save("./imagefiles")
assert {"Dockerfile", "requirements.txt"} <= set(os.listdir("imagefiles"))

# Clean up.
assert [each.name for each in Webservice.list(ws, model_name="sklearn_digits", tags=["data"])] == ["sklearn-digits-svc"]
assert Image.list(ws) == []
service.delete()
assert not ws.webservices

print("classify_digits: all cells ran")
