"""Launcher for a single process."""

from __future__ import annotations

from trainshed.launchers.env_vars import visible
from trainshed.launchers.plan import Job, Plan, Rank


def plan(job: Job) -> Plan:
    """Return the single process of the job."""
    return Plan((Rank("main", 0, {"AZUREML_PROCESS_NAME": "main", **visible(job.nodes[0])}),))
