"""Names as programs for v1 imported them, from wherever they imported them; using what is not here says so.

In the manner of repositories for v1 by many authors; written from scratch.
"""

import azureml.core
from azureml.core import Environment, Experiment, Model, Workspace
from azureml.core.compute import ComputeInstance
from azureml.core.environment import CondaDependencies, DockerSection, PythonSection
from azureml.core.experiment import ViewType
from azureml.core.resource_configuration import ResourceConfiguration
from azureml.core.runconfig import CondaDependencies as Packages
from azureml.core.runconfig import Data, DataLocation, RunConfiguration
from azureml.data import DataType
from azureml.exceptions._azureml_exception import UserErrorException
from azureml.interpret import ExplanationClient
from azureml.opendatasets import MNIST, Diabetes
from azureml.pipeline.core import Pipeline, PipelineData
from azureml.pipeline.steps import EstimatorStep, HyperDriveStep, PythonScriptStep
from azureml.train.automl import AutoMLConfig
from azureml.train.estimator import Estimator
from azureml.train.hyperdrive.run import PrimaryMetricGoal

print("SDK version:", azureml.core.VERSION)
ws = Workspace.from_config()

# The same classes from every module.
assert CondaDependencies is Packages
assert PrimaryMetricGoal.from_str("MAXIMIZE") == PrimaryMetricGoal.MAXIMIZE
environment = Environment("names")
assert isinstance(environment.python, PythonSection)
assert isinstance(environment.docker, DockerSection)
assert DataType.to_float()
assert [each.name for each in Experiment.list(ws, view_type=ViewType.All)] == []

# What public programs read of the objects, though it was not meant for them.
estimator = Estimator(source_directory=".", entry_script="program.py", compute_target="local")
estimator._estimator_config.environment.python.user_managed_dependencies = True
assert estimator.run_config.environment.python.user_managed_dependencies is True
assert ws._workspace_id
assert ComputeInstance.supported_vmsizes(workspace=ws)
with open("model.txt", "w", encoding="utf-8") as file:
    file.write("weights")
model = Model.register(ws, "model.txt", "named", resource_configuration=ResourceConfiguration(cpu=1, memory_in_gb=0.5))
assert "name=named" in str(model)
assert '"name": "names"' in str(environment)

# What there is only in Azure can be imported, and says so where it is used.
for make in (
    lambda: Pipeline(workspace=ws, steps=[]),
    lambda: PipelineData("made"),
    lambda: PythonScriptStep(script_name="train.py"),
    lambda: EstimatorStep(name="step", estimator=estimator),
    lambda: HyperDriveStep(name="step", hyperdrive_config=None),
    lambda: AutoMLConfig(task="classification"),
    lambda: ExplanationClient.from_run(None),
):
    try:
        make()
    except UserErrorException as error:
        print("As expected:", error.message)
    else:
        raise AssertionError("this cannot be here")
for name in (Data, DataLocation, RunConfiguration, MNIST, Diabetes):
    assert isinstance(name, type), name
print("names_of_v1: all cells ran")
