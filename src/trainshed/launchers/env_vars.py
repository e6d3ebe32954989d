"""Environment variables that every process of a job has, whatever the launcher: v1's names, and its node's GPUs."""

from __future__ import annotations

from typing import Dict

from trainshed.launchers.plan import Job, Node


def of_process(job: Job, node: int, name: str, primary: bool) -> Dict[str, str]:
    """Return the variables that tell one process its position among the others.

    Args:
        job: the job.
        node: its node.
        name: its name, such as ``"rank_0"``.
        primary: whether it is the one process that acts for the whole run.
    """
    here, first = job.nodes[node], job.nodes[0]
    variables = {
        "AZUREML_PROCESS_NAME": name,
        "AZUREML_NODE_COUNT": str(len(job.nodes)),
        "AZUREML_CR_EXECUTION_WORKING_DIR_PATH": here.folder,
        "AZ_BATCHAI_JOB_WORK_DIR": here.folder,
        "AZ_BATCHAI_TASK_TYPE": "worker",
        "AZ_BATCHAI_TASK_INDEX": str(node),
        "AZ_BATCH_NODE_ID": here.name,
        "AZ_BATCH_IS_CURRENT_NODE_MASTER": "true" if node == 0 else "false",
        "AZ_BATCH_MASTER_NODE": f"{first.address}:{job.ports[0]}",
        "AZ_BATCH_HOST_LIST": ",".join(each.address for each in job.nodes),
        "AZ_BATCHAI_MPI_MASTER_NODE": first.address,
        "AZ_BATCHAI_GPU_COUNT_FOUND": str(len(here.gpus or ())),
        "AZ_BATCHAI_NUM_GPUS": str(len(here.gpus or ())),
        **visible(here),
    }
    if not primary:
        variables["AZUREML_SECONDARY_INSTANCE"] = "true"
    return variables


def visible(node: Node) -> Dict[str, str]:
    """Return the GPUs that a process on a node can see.

    Args:
        node: the node.
    """
    return {} if node.gpus is None else {"CUDA_VISIBLE_DEVICES": ",".join(node.gpus)}


def rendezvous(job: Job) -> Dict[str, str]:
    """Return the rendezvous address, under the names that torch.distributed reads.

    Args:
        job: the job.
    """
    return {"MASTER_ADDR": job.nodes[0].address, "MASTER_PORT": str(job.ports[0])}


def interfaces(job: Job) -> Dict[str, str]:
    """Return the network interface for gloo and NCCL, unless the user has set it.

    Args:
        job: the job.
    """
    variables = {}
    if all(each.address == "127.0.0.1" for each in job.nodes):
        # Gloo resolves this machine's name, which does not always work on a laptop.
        variables["GLOO_SOCKET_IFNAME"] = "lo"
    if any(each.gpus for each in job.nodes):
        variables["NCCL_SOCKET_IFNAME"] = "^docker0"
    return {name: value for name, value in variables.items() if name not in job.environment}
