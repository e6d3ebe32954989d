import json
import os

import joblib
import numpy as np


def init():
    global model  # noqa: PLW0603 - v1's scoring scripts
    model_path = os.path.join(os.getenv("AZUREML_MODEL_DIR"), "sklearn_digits_model.pkl")
    model = joblib.load(model_path)


def run(raw_data):
    data = np.array(json.loads(raw_data)["data"])
    y_hat = model.predict(data)
    return y_hat.tolist()
