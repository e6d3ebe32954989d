"""Modules of SDK v1 that have no file: importing never fails, and a use says what to do instead."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
from importlib import import_module

import pytest

from azureml import _modules
from azureml.exceptions import AzureMLException, UserErrorException

LINES = [
    # As public programs import them, from their first lines.
    "from azureml.pipeline.core import Pipeline, PipelineData, PublishedPipeline",
    "from azureml.pipeline.core.graph import PipelineParameter",
    "from azureml.pipeline.core.schedule import ScheduleRecurrence, Schedule",
    "from azureml.pipeline.steps import PythonScriptStep, EstimatorStep, HyperDriveStep, ParallelRunConfig",
    "from azureml.train.automl import AutoMLConfig, constants",
    "from azureml.train.automl.run import AutoMLRun",
    "from azureml.train.automl.runtime._many_models.many_models_parameters import ManyModelsTrainParameters",
    "from azureml.automl.core.featurization import FeaturizationConfig",
    "from azureml.automl.core.shared import constants",
    "from azureml.automl.runtime.onnx_convert import OnnxConverter",
    "from azureml.interpret import ExplanationClient",
    "from azureml.interpret.scoring.scoring_explainer import TreeScoringExplainer, save",
    "from azureml.explain.model.tabular_explainer import TabularExplainer",
    "from azureml.contrib.interpret.explanation.explanation_client import ExplanationClient",
    "from azureml.contrib.fairness import upload_dashboard_dictionary, download_dashboard_by_upload_id",
    "from azureml.contrib.services.aml_request import AMLRequest, rawhttp",
    "from azureml.contrib.train.rl import ReinforcementLearningEstimator, Ray",
    "from azureml.contrib.notebook import NotebookRunConfig",
    "from azureml.datadrift import DataDriftDetector, AlertConfiguration",
    "from azureml.accel import AccelOnnxConverter",
    "from azureml.accel.models import QuantizedResnet50",
    "from azureml._restclient.run_client import RunClient",
    "from azureml._model_management._util import _get_mms_url",
    "from azureml.monitoring import ModelDataCollector",
    "import azureml.dataprep as dprep",
    "import azureml.mlflow",
    # Names that v1 has in modules without a file, or imported there for itself.
    "from azureml.core.resource_configuration import ResourceConfiguration",
    "from azureml.core.databricks import MavenLibrary, PyPiLibrary",
    "from azureml.core.runconfig import CondaDependencies, JarLibrary, SparkPackage",
    "from azureml.core.environment import CondaDependencies, DockerSection, RSection",
    "from azureml.core.experiment import Run, ViewType",
    "from azureml.core.run import Experiment, Dataset",
    "from azureml.core.model import Dataset, InferenceConfig, ModelPackage",
    "from azureml.core.compute import KustoCompute",
    "from azureml.core.compute.amlcompute import AmlComputeProvisioningConfiguration, ScaleSettings",
    "from azureml.train.hyperdrive.run import PrimaryMetricGoal, HyperDriveRun",
    "from azureml.train.estimator import RunConfiguration, Run",
    "from azureml.exceptions._azureml_exception import UserErrorException, ActivityFailedException",
    "import azureml.exceptions._azureml_exception as e; e.UserErrorException",
    "from azureml.core.run import _OfflineRun, _SubmittedRun",
    "from azureml.core.webservice.aks import AksServiceDeploymentConfiguration",
    "from azureml.core.image.image import ImageConfig, TargetRuntime",
    "from azureml.data.sql_data_reference import SqlDataReference",
    "from azureml.data.azure_data_lake_datastore import AzureDataLakeGen2Datastore",
    "from azureml.data.abstract_datastore import AbstractDatastore",
    "from azureml.train.hyperdrive.exceptions import HyperDriveConfigException",
    "from azureml.telemetry.activity import log_activity",
    "from azureml._common._error_definition import AzureMLError",
]


@pytest.mark.parametrize("line", LINES)
def test_an_import_line_of_public_programs(line: str) -> None:
    exec(line, {})


def test_a_name_is_the_same_at_every_import() -> None:
    from azureml.pipeline.core import Pipeline
    from azureml.pipeline.core import Pipeline as Again

    assert Pipeline is Again
    assert Pipeline.__module__ == "azureml.pipeline.core"
    assert inspect.isclass(Pipeline)


def test_a_use_says_what_to_do_instead() -> None:
    from azureml.pipeline.core import Pipeline
    from azureml.train.automl import AutoMLConfig

    pipelines = r"here, submit each step as a run and wait for it: run\.wait_for_completion\(\)\.$"
    with pytest.raises(UserErrorException, match=r"^Pipeline is only available in Azure ML; " + pipelines):
        Pipeline(None, steps=[])
    with pytest.raises(UserErrorException, match=r"^Pipeline\.load is only available in Azure ML; " + pipelines):
        Pipeline.load(None, "graph")
    with pytest.raises(UserErrorException, match=r"^AutoMLConfig is only available in Azure ML; here, search for"):
        AutoMLConfig(task="classification")


def test_libraries_may_look_at_these_classes() -> None:
    import azureml.automl.core.shared.constants as constants
    from azureml.pipeline.core import Pipeline

    class Step(Pipeline):  # type: ignore[misc]  # type checkers know no such class
        """A user's own class."""

    assert not hasattr(Pipeline, "published")
    assert not hasattr(Step, "published")
    assert not hasattr(constants, "_repr_html_")
    assert not hasattr(constants, "__wrapped__")
    assert not isinstance(3, Step)


def test_exceptions_of_these_packages_can_be_caught() -> None:
    from azureml.automl.core.shared.exceptions import ClientException

    assert issubclass(ClientException, AzureMLException)


def test_what_is_no_module_of_v1_is_not_found() -> None:
    for name in ("azureml.nothing", "azureml.core.nothing", "azureml.contrib.tensorboard.nothing"):
        with pytest.raises(ModuleNotFoundError, match=f"No module named '{name}'"):
            import_module(name)
    with pytest.raises(ImportError, match="cannot import name 'Nothing'"):
        exec("from azureml.core.databricks import Nothing", {})


def test_each_package_says_what_to_use() -> None:
    for package, instead in _modules.FAMILIES.items():
        assert instead, package
        assert not instead.endswith("."), package


def test_settings_are_kept_and_written() -> None:
    from azureml.core import Environment
    from azureml.core.databricks import DatabricksCluster
    from azureml.core.runconfig import JarLibrary, SparkPackage

    environment = Environment("spark")
    environment.spark.packages = [SparkPackage("com.microsoft.azure", "azure-storage", "2.0.0")]
    environment.databricks = JarLibrary("dbfs:/a.jar")
    written = json.loads(repr(environment))
    assert written["spark"]["packages"] == [
        {"group": "com.microsoft.azure", "artifact": "azure-storage", "version": "2.0.0"}
    ]
    assert written["databricks"] == {"library": "dbfs:/a.jar"}
    assert DatabricksCluster(num_workers=2).num_workers == 2
    with pytest.raises(TypeError, match="unexpected keyword argument 'libary'"):
        JarLibrary(libary="a")


def test_what_the_core_brought_needs_no_import_of_its_own() -> None:
    code = "import azureml.core; print(azureml.data.__version__ == azureml.core.VERSION, azureml.exceptions.__name__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "True azureml.exceptions\n"
