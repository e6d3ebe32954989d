"""Environment variables common to all launchers: SDK v1's variables, visible GPUs, and the rendezvous address."""

from __future__ import annotations

from trainshed.errors import TYPE_CHECKING
from trainshed.launchers.plan import Job, Node

if TYPE_CHECKING:
    from typing import Dict


def of_process(job: Job, node: int, name: str, primary: bool) -> Dict[str, str]:
    """Return the variables with the position of a process in the job.

    Args:
        job: the job.
        node: index of the process's node.
        name: name of the process, e.g. ``"rank_0"``.
        primary: whether it is the primary process, which acts on behalf of the whole run.
    """
    own, first = job.nodes[node], job.nodes[0]
    variables = {
        "AZUREML_PROCESS_NAME": name,
        "AZUREML_NODE_COUNT": str(len(job.nodes)),
        "AZUREML_CR_EXECUTION_WORKING_DIR_PATH": own.folder,
        "AZ_BATCHAI_JOB_WORK_DIR": own.folder,
        "AZ_BATCHAI_TASK_TYPE": "worker",
        "AZ_BATCHAI_TASK_INDEX": str(node),
        "AZ_BATCH_NODE_ID": own.name,
        "AZ_BATCH_IS_CURRENT_NODE_MASTER": "true" if node == 0 else "false",
        "AZ_BATCH_MASTER_NODE": f"{first.address}:{job.ports[0]}",
        "AZ_BATCH_HOST_LIST": ",".join(each.address for each in job.nodes),
        "AZ_BATCHAI_MPI_MASTER_NODE": first.address,
        "AZ_BATCHAI_GPU_COUNT_FOUND": str(len(own.gpus or ())),
        "AZ_BATCHAI_NUM_GPUS": str(len(own.gpus or ())),
        **visible(own),
    }
    if not primary:
        variables["AZUREML_SECONDARY_INSTANCE"] = "true"
    return variables


def visible(node: Node) -> Dict[str, str]:
    """Return the variable that limits the GPUs visible to processes on a node."""
    return {} if node.gpus is None else {"CUDA_VISIBLE_DEVICES": ",".join(node.gpus)}


def rendezvous(job: Job) -> Dict[str, str]:
    """Return the variables with the rendezvous address for ``torch.distributed``."""
    return {"MASTER_ADDR": job.nodes[0].address, "MASTER_PORT": str(job.ports[0])}


def interfaces(job: Job) -> Dict[str, str]:
    """Return the variables that set the network interface of gloo and NCCL, unless the user has set them."""
    variables = {}
    if all(each.address == "127.0.0.1" for each in job.nodes):
        # By default, gloo resolves the machine's host name, which may fail on laptops.
        variables["GLOO_SOCKET_IFNAME"] = "lo"
    if any(each.gpus for each in job.nodes):
        variables["NCCL_SOCKET_IFNAME"] = "^docker0"
    return {name: value for name, value in variables.items() if name not in job.environment}
