"""RunSpec: the complete specification of a submitted run."""

from __future__ import annotations

from trainshed.errors import TYPE_CHECKING
from trainshed.spec.container import ContainerSpec
from trainshed.spec.environment import EnvironmentSpec
from trainshed.spec.record import Record

if TYPE_CHECKING:
    from typing import Dict, Mapping, Optional, Tuple

MODES = ("mount", "download", "upload")
LOCAL = "local"
"""Name of the service's own machine as a compute target."""
WEBSERVICE = "webservice"
"""Type of a run that is a web service: its script has ``init`` and ``run``, and it does not end by itself."""

_NOTHING: Dict[str, str] = {}  # a shared default is safe, because records are never modified


class DataSpec(Record):
    """A data reference: a path on a datastore, and the mode in which the script accesses it.

    Attributes:
        name: letters, digits and underscores; the node sets ``AZUREML_DATAREFERENCE_<name>``.
        datastore: name of a registered datastore.
        path: path on the datastore, or ``""`` for its root.
        mode: ``"mount"``, ``"download"`` (before the script) or ``"upload"`` (after the script).
        path_on_compute: path on the node, absolute or relative to the working folder. Default: chosen by the node.
        overwrite: replace existing files.
    """

    name: str
    datastore: str
    path: str = ""
    mode: str = "mount"
    path_on_compute: Optional[str] = None
    overwrite: bool = False


class InputSpec(Record):
    """An input dataset.

    Attributes:
        name: name of the input in the script; the node sets ``AZURE_ML_INPUT_<name>``.
        definition: definition of the dataset as JSON; see :mod:`trainshed.data.dataset`.
        mode: ``"mount"``, ``"download"``, or ``"direct"`` (the script gets the dataset object).
        path_on_compute: path on the node, absolute or relative to the working folder. Default: chosen by the node.
        dataset: ``"name:version"`` of a registered dataset, or ``""``.
    """

    name: str
    definition: str
    mode: str = "direct"
    path_on_compute: Optional[str] = None
    dataset: str = ""


class OutputSpec(Record):
    """An output folder, which is saved to a datastore.

    Attributes:
        name: name of the output in the script; the node sets ``AZURE_ML_OUTPUT_<name>``.
        datastore: name of a registered datastore.
        path: path on the datastore, in which ``{run-id}`` and ``{output-name}`` are replaced.
        mode: ``"mount"`` (the script writes to the datastore directly) or ``"upload"`` (copied after the script).
        source: folder on the node, absolute or relative to the working folder. Default: chosen by the node.
        overwrite: replace existing files.
        register: name of the dataset to register when the run completes, or ``""`` for none.
        tags: tags of that dataset.
    """

    name: str
    datastore: str
    path: str
    mode: str = "mount"
    source: Optional[str] = None
    overwrite: bool = True
    register: str = ""
    tags: Mapping[str, str] = _NOTHING


GRACE_SECONDS = 30.0
"""Time between SIGTERM and SIGKILL, unless run, target or service say otherwise."""


class RunSpec(Record):
    """Specification of a run.

    Attributes:
        experiment: name of the experiment.
        snapshot: id of the source snapshot; None runs in an empty folder.
        script: path of the Python script, relative to the snapshot.
        command: command and arguments to run instead of ``script``.
        arguments: arguments of the script. ``$AZUREML_…`` and ``$AZ_BATCH…`` variables in them are expanded on the
            node; everything else is passed unchanged.
        target: name of the compute target.
        environment: Python environment.
        environment_name: name of the environment.
        environment_variables: environment variables to set for the script.
        data: data references, whose paths can be used in arguments.
        inputs: input datasets.
        outputs: output folders.
        node_count: number of nodes (≥ 1).
        process_count_per_node: number of processes per node (≥ 1).
        launcher: ``"single"``, ``"openmpi"``, ``"torch"`` or ``"tensorflow"``.
        backend: backend of ``torch.distributed``: ``"nccl"`` or ``"gloo"``.
        worker_count: number of TensorFlow workers; of a web service, the GPUs of all its processes.
        parameter_server_count: number of TensorFlow parameter servers.
        container: container to run in; None runs directly on the node.
        use_gpu: use one GPU per process.
        slots: number of slots that the run occupies on each node (≥ 1).
        priority: runs with higher priority start first; those with equal priority in order of submission.
        max_run_duration_seconds: maximum duration, after which the run is stopped and fails; None for no limit.
        grace_seconds: time between SIGTERM and SIGKILL when the run is canceled or exceeds its maximum duration;
            None for the target's.
        kind: run type in SDK v1.
        display_name: name to display instead of the run id.
        parent: id of the parent run.
        tags: tags, which can be changed later.
        properties: properties, which cannot be changed later.
        framework: framework in SDK v1, passed to the script as ``AZUREML_FRAMEWORK``.
        communicator: communicator in SDK v1, passed to the script as ``AZUREML_COMMUNICATOR``.

    Example:
        >>> RunSpec(experiment="diabetes", script="train.py").target
        'local'
    """

    experiment: str
    snapshot: Optional[str] = None
    script: Optional[str] = None
    command: Tuple[str, ...] = ()
    arguments: Tuple[str, ...] = ()
    target: str = LOCAL
    environment: EnvironmentSpec = EnvironmentSpec()
    environment_name: str = ""
    environment_variables: Mapping[str, str] = _NOTHING
    data: Tuple[DataSpec, ...] = ()
    inputs: Tuple[InputSpec, ...] = ()
    outputs: Tuple[OutputSpec, ...] = ()
    node_count: int = 1
    process_count_per_node: int = 1
    launcher: str = "single"
    backend: str = ""
    worker_count: int = 0
    parameter_server_count: int = 0
    container: Optional[ContainerSpec] = None
    use_gpu: bool = False
    slots: int = 1
    priority: int = 0
    max_run_duration_seconds: Optional[int] = None
    grace_seconds: Optional[float] = None
    kind: str = "azureml.scriptrun"
    display_name: Optional[str] = None
    parent: Optional[str] = None
    tags: Mapping[str, str] = _NOTHING
    properties: Mapping[str, str] = _NOTHING
    framework: str = "Python"
    communicator: str = "None"

    @property
    def grace(self) -> float:
        """The time between SIGTERM and SIGKILL."""
        return GRACE_SECONDS if self.grace_seconds is None else self.grace_seconds


def is_notebook(script: Optional[str]) -> bool:
    """Tell whether a script is a notebook.

    Args:
        script: path of the script.

    Example:
        >>> is_notebook("train.ipynb")
        True
    """
    return bool(script) and str(script).endswith(".ipynb")
