"""Imports what the scripts of several years imported, and uses what of it is here.

Written from scratch.
"""

from azureml.core import Run
from azureml.core.resource_configuration import ResourceConfiguration
from azureml.core.runconfig import CondaDependencies
from azureml.exceptions._azureml_exception import UserErrorException
from azureml.train.automl.run import AutoMLRun

run = Run.get_context()
try:
    best = AutoMLRun(run.experiment, "AutoML_1")
except UserErrorException as error:
    print("As expected:", error)
run.log("packages", len(list(CondaDependencies.create(pip_packages=["numpy"]).pip_packages)))
with open("outputs/model.txt", "w") as file:
    file.write("a model")
run.upload_file("model.txt", "outputs/model.txt")
run.register_model("named", "model.txt", resource_configuration=ResourceConfiguration(cpu=1, memory_in_gb=0.5))
