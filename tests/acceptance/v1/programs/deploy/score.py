import json
import os

from azureml.core.model import Model


def init():
    global model  # noqa: PLW0603 - v1's scoring scripts
    model_path = Model.get_model_path("line")
    assert model_path == os.path.join(os.getenv("AZUREML_MODEL_DIR"), "line.json")
    with open(model_path) as file:
        model = json.load(file)


def run(raw_data):
    data = json.loads(raw_data)["data"]
    return [model["slope"] * x + model["offset"] for x in data]
