import joblib

from azureml.core import Run
from azureml.core.model import Model

run = Run.get_context()
path = Model.get_model_path("ridge", version=1, _workspace=run.experiment.workspace)
run.log("alpha", joblib.load(path).alpha)
