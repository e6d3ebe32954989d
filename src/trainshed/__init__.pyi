# What type checkers and editors see of trainshed, whose names are imported at their first use.

from trainshed.api import hyperdrive as hyperdrive
from trainshed.api.compute.cluster import AmlCompute as AmlCompute
from trainshed.api.compute.cluster import BatchAiCompute as BatchAiCompute
from trainshed.api.compute.compute import ComputeTarget as ComputeTarget
from trainshed.api.compute.remote import RemoteCompute as RemoteCompute
from trainshed.api.compute.remote import SshCompute as SshCompute
from trainshed.api.compute.slurm import SlurmCompute as SlurmCompute
from trainshed.api.configuration.conda_dependencies import CondaDependencies as CondaDependencies
from trainshed.api.configuration.environment import Environment as Environment
from trainshed.api.configuration.runconfig import RunConfiguration as RunConfiguration
from trainshed.api.configuration.runconfig_sections import ContainerRegistry as ContainerRegistry
from trainshed.api.configuration.runconfig_sections import DockerConfiguration as DockerConfiguration
from trainshed.api.configuration.runconfig_sections import MpiConfiguration as MpiConfiguration
from trainshed.api.configuration.runconfig_sections import PyTorchConfiguration as PyTorchConfiguration
from trainshed.api.configuration.runconfig_sections import TensorflowConfiguration as TensorflowConfiguration
from trainshed.api.data.column_types import DataType as DataType
from trainshed.api.data.consumption import DatasetConsumptionConfig as DatasetConsumptionConfig
from trainshed.api.data.consumption import OutputFileDatasetConfig as OutputFileDatasetConfig
from trainshed.api.data.data_reference import DataPath as DataPath
from trainshed.api.data.data_reference import DataReference as DataReference
from trainshed.api.data.data_reference import DataReferenceConfiguration as DataReferenceConfiguration
from trainshed.api.data.dataset import Dataset as Dataset
from trainshed.api.data.dataset import FileDataset as FileDataset
from trainshed.api.data.dataset import TabularDataset as TabularDataset
from trainshed.api.data.datastore import Datastore as Datastore
from trainshed.api.data.model import Model as Model
from trainshed.api.runs.experiment import Experiment as Experiment
from trainshed.api.runs.run import Run as Run
from trainshed.api.runs.run import ScriptRun as ScriptRun
from trainshed.api.runs.run import get_run as get_run
from trainshed.api.training.estimator import Estimator as Estimator
from trainshed.api.training.frameworks import Chainer as Chainer
from trainshed.api.training.frameworks import PyTorch as PyTorch
from trainshed.api.training.frameworks import SKLearn as SKLearn
from trainshed.api.training.frameworks import TensorFlow as TensorFlow
from trainshed.api.training.script_run_config import ScriptRunConfig as ScriptRunConfig
from trainshed.api.workspace.keyvault import Keyvault as Keyvault
from trainshed.api.workspace.workspace import Workspace as Workspace

_HOME: dict[str, str]
__all__: list[str]  # noqa: PYI035 - made from a table
__version__: str
