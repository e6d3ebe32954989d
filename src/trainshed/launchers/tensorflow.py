"""Launcher for TensorFlow; see TF_CONFIG in https://www.tensorflow.org/guide/distributed_training."""

from __future__ import annotations

import json

from trainshed.launchers import env_vars
from trainshed.launchers.plan import Job, Plan, Rank


def plan(job: Job) -> Plan:
    """Return the workers and parameter servers, workers first.

    The rank agent starts them, and stops the parameter servers when all workers have exited. A job without parameter
    servers is suitable for MultiWorkerMirroredStrategy.
    """
    tasks = [("worker", index) for index in range(job.workers)] + [("ps", index) for index in range(job.servers)]
    places = job.places[: len(tasks)]
    cluster: dict[str, list[str]] = {}
    for (kind, _), (node, _), port in zip(tasks, places, job.ports):
        cluster.setdefault(kind, []).append(f"{job.nodes[node].address}:{port}")
    ranks = []
    for (kind, index), (node, _) in zip(tasks, places):
        config = {"cluster": cluster, "task": {"type": kind, "index": index}, "environment": "cloud"}
        variables = {
            **env_vars.of_process(job, node, f"{kind}_{index}", (kind, index) == ("worker", 0)),
            "TF_CONFIG": json.dumps(config),
            "AZ_BATCHAI_TASK_TYPE": kind,
            "AZ_BATCHAI_TASK_INDEX": str(index),
            "AZ_BATCHAI_WORKER_HOSTS": ",".join(cluster.get("worker", ())),
            "AZ_BATCHAI_PS_HOSTS": ",".join(cluster.get("ps", ())),
        }
        ranks.append(Rank(f"{kind}_{index}", node, variables, awaited=kind == "worker"))
    return Plan(tuple(ranks), job.agents)
