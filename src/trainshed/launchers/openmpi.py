"""Launcher for Open MPI. ``mpirun`` starts an environment forwarder or a rank agent for each rank.

Only options common to Open MPI 4 and 5 are used (https://docs.open-mpi.org/en/v5.0.x/man-openmpi/man1/mpirun.1.html).
"""

from __future__ import annotations

from trainshed.launchers import env_vars
from trainshed.launchers.plan import Job, Plan, Rank

_SCRATCH = ("OMPI_MCA_orte_tmpdir_base", "PRTE_MCA_prte_tmpdir_base")
"""Variables for the temporary folder in Open MPI 4 and 5."""

_HOSTS = {
    "OMPI_MCA_plm": "rsh",
    "PRTE_MCA_plm": "ssh",
    "OMPI_MCA_plm_rsh_agent": "{}",
    "PRTE_MCA_plm_ssh_agent": "{}",
    "OMPI_MCA_plm_rsh_no_tree_spawn": "1",
    "PRTE_MCA_plm_ssh_no_tree_spawn": "1",
}
"""Variables for hosts that another program reaches in place of ssh, in Open MPI 4 and 5."""
_IN_TURN = {"OMPI_MCA_plm_rsh_num_concurrent": "1", "PRTE_MCA_plm_ssh_num_concurrent": "1"}
"""Variables that have this program called for one node after the other: in a job of Slurm it writes to one pipe."""
CHOOSES = frozenset({"OMPI_MCA_plm", "PRTE_MCA_plm"})
"""Variables by which a user chooses what starts Open MPI's daemons."""


def plan(job: Job) -> Plan:
    """Return the ranks, and the ``mpirun`` command that starts them.

    Open MPI sets OMPI_COMM_WORLD_RANK and OMPI_COMM_WORLD_SIZE itself. The local ranks are set here, because several
    simulated nodes may share a machine. Horovod's variables and the rendezvous address are added.
    """
    size, nodes = len(job.places), len(job.nodes)
    ranks = []
    for rank, (node, local) in enumerate(job.places):
        horovod = {
            "RANK": rank,
            "SIZE": size,
            "LOCAL_RANK": local,
            "LOCAL_SIZE": job.processes,
            "CROSS_RANK": node,
            "CROSS_SIZE": nodes,
        }
        variables = {
            **env_vars.of_process(job, node, f"rank_{rank}", rank == 0),
            **env_vars.rendezvous(job),
            **env_vars.interfaces(job),
            "OMPI_COMM_WORLD_RANK": str(rank),
            "OMPI_COMM_WORLD_SIZE": str(size),
            "OMPI_COMM_WORLD_LOCAL_RANK": str(local),
            "OMPI_COMM_WORLD_LOCAL_SIZE": str(job.processes),
            "OMPI_COMM_WORLD_NODE_RANK": str(local),
            **{f"HOROVOD_{name}": str(value) for name, value in horovod.items()},
        }
        ranks.append(Rank(f"rank_{rank}", node, variables))
    if job.srun:
        return Plan(tuple(ranks), (*job.srun, *job.agent, "mpi-apart"), {})
    # There may be more ranks than cores, e.g. on a laptop that simulates a cluster. The rank agent assigns the cores.
    options = ["-n", str(size), "--oversubscribe", "--bind-to", "none"]
    if job.root:
        options.append("--allow-run-as-root")
    daemons = {name: value.format(job.launch_agent) for name, value in _HOSTS.items() if job.launch_agent}
    if daemons and not job.waiting:
        options += ["--host", ",".join(f"{node.address}:{job.processes}" for node in job.nodes)]
        starter = (job.mpirun, *options, *job.agent)  # which runs on each host, with what it is to do there
        return Plan(tuple(ranks), starter, daemons)
    # mpirun leaves files behind if a rank is killed, so it must not use the machine's temporary folder. On several
    # machines it must: its sockets and shared memory cannot be on a file system that they share.
    own = job.scratch and not job.waiting
    scratch = {name: job.scratch for name in _SCRATCH if own and name not in job.environment}
    if job.waiting:
        options += ["--map-by", "slot"]  # the agent of a node knows which ranks come
        in_turn = _IN_TURN if daemons else {}
        return Plan(tuple(ranks), (job.mpirun, *options, *job.env_forwarder), {**daemons, **in_turn})
    if job.env_forwarder:
        return Plan(tuple(ranks), (job.mpirun, *options, *job.env_forwarder), scratch, (*job.agent, "forwarded"))
    return Plan(tuple(ranks), (job.mpirun, *options, *job.agent, "mpi"), scratch)
