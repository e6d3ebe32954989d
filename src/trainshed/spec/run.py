"""The record of a submit: everything that the user requested."""

from __future__ import annotations

from trainshed.errors import TYPE_CHECKING
from trainshed.spec.container import ContainerSpec
from trainshed.spec.environment import EnvironmentSpec
from trainshed.spec.record import Record

if TYPE_CHECKING:
    from typing import Dict, Mapping, Optional, Tuple

MODES = ("mount", "download", "upload")
LOCAL = "local"
"""Name of the target that is the service's own machine."""

_NOTHING: Dict[str, str] = {}  # a shared default is safe, because records are never changed


class DataSpec(Record):
    """One data reference: a path on a datastore and how the node accesses it.

    Attributes:
        name: letters, digits and underscores; the node sets ``AZUREML_DATAREFERENCE_<name>``.
        datastore: name of a registered datastore.
        path: path inside the datastore, ``""`` for its root.
        mode: ``"mount"``, ``"download"`` (before the script) or ``"upload"`` (after it).
        path_on_compute: folder on the node, relative to the working folder or absolute; None lets the node choose.
        overwrite: whether existing files are replaced.
    """

    name: str
    datastore: str
    path: str = ""
    mode: str = "mount"
    path_on_compute: Optional[str] = None
    overwrite: bool = False


class InputSpec(Record):
    """One dataset that the script reads.

    Attributes:
        name: its name in the script; the node sets ``AZURE_ML_INPUT_<name>``.
        definition: its contents, as JSON: see :mod:`trainshed.data.dataset`.
        mode: ``"mount"``, ``"download"``, or ``"direct"`` (the script gets the dataset itself).
        path_on_compute: folder on the node, relative to the working folder or absolute; None lets the node choose.
        dataset: ``"name:version"`` of a registered dataset, or ``""``.
    """

    name: str
    definition: str
    mode: str = "direct"
    path_on_compute: Optional[str] = None
    dataset: str = ""


class OutputSpec(Record):
    """One folder that the script fills and that is stored on a datastore.

    Attributes:
        name: its name in the script; the node sets ``AZURE_ML_OUTPUT_<name>``.
        datastore: name of a registered datastore.
        path: folder on it; ``{run-id}`` and ``{output-name}`` are replaced.
        mode: ``"mount"`` (the script writes to it directly) or ``"upload"`` (copied after the script).
        source: folder on the node, relative to the working folder or absolute; None lets the node choose.
        overwrite: whether existing files are replaced.
        register: name under which it is registered as a dataset when the run has completed; ``""`` for none.
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


class RunSpec(Record):
    """A request to run something: what to run, with what, where and on how many nodes.

    Attributes:
        experiment: name of the experiment the run belongs to.
        snapshot: id of the source snapshot; None runs in an empty folder.
        script: Python file to run, relative to the snapshot.
        command: argv to run instead of ``script``; excludes it.
        arguments: argv after the script. ``$AZUREML_…`` and ``$AZ_BATCH…`` names are expanded on the node,
            everything else reaches the script byte for byte.
        target: name of the compute target.
        environment: the Python to run it with.
        environment_name: the user's name for it.
        environment_variables: set for the script.
        data: data references, whose paths can be used in arguments.
        inputs: datasets that the script reads.
        outputs: folders that the script fills.
        node_count: number of nodes (≥ 1).
        process_count_per_node: number of processes on each (≥ 1).
        launcher: starts the processes: ``"single"``, ``"openmpi"``, ``"torch"`` or ``"tensorflow"``.
        backend: backend of torch.distributed: ``"nccl"`` or ``"gloo"``.
        worker_count: number of TensorFlow workers.
        parameter_server_count: number of TensorFlow parameter servers.
        container: the container to run in; None runs directly on the node.
        use_gpu: whether it uses GPUs, one per process on each node.
        slots: slots of the target's queue that the run uses on each node (≥ 1).
        priority: runs with a higher priority start first; equal ones in order of submission.
        max_run_duration_seconds: after this time the run is ended and Failed; None for no limit.
        grace_seconds: time between SIGTERM and SIGKILL when the run is cancelled or exceeds its time limit.
        kind: v1's run type.
        display_name: shown instead of the id.
        parent: id of the parent run.
        tags: mutable labels, str → str.
        properties: immutable labels, str → str.
        framework: v1's name for the script's framework; passed as ``AZUREML_FRAMEWORK``.
        communicator: v1's name for the distributed backend; passed as ``AZUREML_COMMUNICATOR``.

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
    grace_seconds: float = 30.0
    kind: str = "azureml.scriptrun"
    display_name: Optional[str] = None
    parent: Optional[str] = None
    tags: Mapping[str, str] = _NOTHING
    properties: Mapping[str, str] = _NOTHING
    framework: str = "Python"
    communicator: str = "None"
