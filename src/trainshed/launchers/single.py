"""One command, one process."""

from __future__ import annotations

from trainshed.launchers.plan import Job, Plan, Rank


def plan(job: Job) -> Plan:
    """Return the one process.

    Args:
        job: where it runs.
    """
    gpus = job.nodes[0].gpus
    visible = {"CUDA_VISIBLE_DEVICES": ",".join(gpus)} if gpus else {}
    return Plan((Rank("main", 0, {"AZUREML_PROCESS_NAME": "main", **visible}),))
