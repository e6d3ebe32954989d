"""Launcher for torch.distributed.

See https://docs.pytorch.org/docs/stable/distributed.html#environment-variable-initialization.
"""

from __future__ import annotations

from trainshed.launchers import env_vars
from trainshed.launchers.plan import Job, Plan, Rank


def plan(job: Job) -> Plan:
    """Return the ranks, which the rank agent starts."""
    size = len(job.places)
    init_method = f"tcp://{job.nodes[0].address}:{job.ports[0]}"
    ranks = []
    for rank, (node, local) in enumerate(job.places):
        variables = {
            **env_vars.of_process(job, node, f"rank_{rank}", rank == 0),
            **env_vars.rendezvous(job),
            **env_vars.interfaces(job),
            "RANK": str(rank),
            "WORLD_SIZE": str(size),
            "LOCAL_RANK": str(local),
            "LOCAL_WORLD_SIZE": str(job.processes),
            "NODE_RANK": str(node),
            "GROUP_RANK": str(node),
            # SDK v1's variables for the rank and for init_process_group(init_method=…).
            "AZ_BATCHAI_TASK_INDEX": str(rank),
            "AZ_BATCHAI_PYTORCH_INIT_METHOD": init_method,
        }
        ranks.append(Rank(f"rank_{rank}", node, variables))
    return Plan(tuple(ranks), job.agents)
