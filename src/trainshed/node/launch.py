"""From a run's record to the one program that the shim starts: the script itself, or the starter of all its ranks."""

from __future__ import annotations

import os
import sys

from trainshed.errors import TYPE_CHECKING
from trainshed.launchers import plan as launchers
from trainshed.node import env_forwarder, slurm, variables
from trainshed.node.environment import Ready
from trainshed.node.layers import merge
from trainshed.node.mlflow_door import is_ours
from trainshed.node.nodes import NodeFolder, shares
from trainshed.node.pool import LAUNCH_AGENT, RANK_AGENT, RANK_OF, RANKS, part_of, write_programs
from trainshed.node.rank_events import GRACE
from trainshed.node.ranks import RankCommand, Ranks
from trainshed.node.start import Start
from trainshed.spec import layout
from trainshed.spec.run import WEBSERVICE, RunSpec, is_notebook

if TYPE_CHECKING:
    from typing import Any, Dict, List, Mapping, Optional, Tuple

    from trainshed.node.mpi import Mpi
    from trainshed.node.run_container import RunContainer

_RANK_AGENT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "rank_agent.py")
_HERE = "127.0.0.1"
_FEW = 32
"""Nodes of Slurm up to which their waiting agents start mpirun's daemons; each of them reads the commands for all."""


class Launch:
    """One run that is about to start.

    Args:
        spec: what to run.
        node_context: the part of ``spec.json`` that describes this machine.
        run_dir: the run directory.
        nodes: the run's nodes, prepared.
        ready: its environment.
        environ: environment variables for every process of the run.
        container: the container of the processes; None without one.
    """

    def __init__(
        self,
        spec: RunSpec,
        node_context: Mapping[str, Any],
        run_dir: str,
        nodes: List[NodeFolder],
        ready: Ready,
        environ: Dict[str, str],
        container: Optional[RunContainer] = None,
    ) -> None:
        self._spec = spec
        self._node_context = node_context
        self._run_dir = run_dir
        self._nodes = nodes
        self._ready = ready
        self._environ = environ
        self._container = container
        self._pool = pool = part_of(run_dir, node_context)
        given = node_context.get("gpus") or [None] * spec.node_count
        gpus = [None if own is None else tuple(own) for own in given]
        self._hosts: Tuple[str, ...] = tuple(node_context.get("hosts", ()))
        self._srun = str(node_context.get("mpi") or "") if spec.launcher == "openmpi" else ""
        self._apart = bool(self._hosts or pool or self._srun)
        addresses = pool.addresses if pool else self._hosts or (_HERE,) * len(nodes)
        places = nodes * spec.node_count if pool else nodes  # on each host, its own folder has the same path
        self._job_nodes = tuple(
            launchers.Node(f"node-{number}", address, node.code, own)
            for number, (node, address, own) in enumerate(zip(places, addresses, gpus))
        )
        self._notes = tuple(str(node_context[name]) for name in ("gpu_note", "data_note") if node_context.get(name))

    def start(self) -> Start:
        """Return what to start.

        Raises:
            TrainshedError: Open MPI is requested but not available.
        """
        return self._alone() if self._spec.launcher == "single" else self._together()

    def _alone(self) -> Start:
        (rank,) = launchers.plan("single", launchers.Job(self._job_nodes, 1, (), ())).ranks
        node = self._nodes[0]
        whole = merge(self._environ, self._of_node(node), rank.variables)
        log = os.path.join(self._run_dir, layout.DRIVER_LOG)
        return Start(variables.expand(self._command(node), whole), whole, node.code, log, notes=self._notes)

    def _together(self) -> Start:
        # A single process does not need these.
        from trainshed.launchers import openmpi
        from trainshed.system.ports import reserve

        spec = self._spec
        tool = self._mpi() if spec.launcher == "openmpi" and not self._srun else None
        apart = bool(self._hosts or self._srun or (self._pool and tool))
        waiting = bool(self._hosts and not self._srun)
        few = waiting and len(self._hosts) <= _FEW and not openmpi.CHOOSES.intersection(self._environ)
        log = layout.MPI_LOG if tool and (waiting or not apart) else layout.DRIVER_LOG
        ranks = Ranks(self._run_dir, apart, shared=self._pool is None, log=log)
        base = merge(self._environ, tool.variables) if tool else self._environ
        held = reserve(max(1, spec.worker_count + spec.parameter_server_count))
        agent = (*self._python(), _RANK_AGENT, ranks.folder)
        job = launchers.Job(
            nodes=self._job_nodes,
            processes=spec.process_count_per_node,
            agent=RANK_AGENT if self._pool and tool else agent,
            ports=self._agreed([one.getsockname()[1] for one in held], tool),
            mpirun=tool.mpirun if tool else "",
            scratch=ranks.scratch,
            env_forwarder=self._env_forwarder(ranks) if tool else (),
            root=os.geteuid() == 0,
            backend=spec.backend,
            workers=spec.worker_count,
            servers=spec.parameter_server_count,
            environment=self._environ,
            waiting=waiting,
            srun=slurm.starter(self._srun, spec.node_count, spec.process_count_per_node) if self._srun else (),
            launch_agent=LAUNCH_AGENT if tool and (self._pool or few) else "",
        )
        made = launchers.plan(spec.launcher, job)
        ranks.write(made, self._commands(made, base), [node.name for node in self._job_nodes])
        whole = merge(base, made.variables, {GRACE: str(spec.grace)} if self._apart else {})
        notes = (*self._notes, *(tool.notes if tool else ()))
        starter = made.starter
        if job.launch_agent:
            whole = merge(whole, {"PATH": ranks.folder, RANKS: ranks.folder})
        if few and tool:
            from trainshed.node.slurm_agents import write_launch_agent

            write_launch_agent(ranks.folder)
        elif self._pool and tool:
            write_programs(ranks.folder, self._run_dir, agent)
            if self._pool.node:
                starter = (env_forwarder.SHELL, "-c", self._pool.daemon(tool.mpirun))
        log = os.path.join(self._run_dir, log)
        return Start(starter, whole, self._nodes[0].code, log, ranks, notes, made.agent, held, waiting)

    def _agreed(self, own: List[int], tool: Optional[Mpi]) -> Tuple[int, ...]:
        """Return a free port for each process, or at least for the first; on several hosts once all are prepared."""
        if self._pool is None:
            return tuple(own)
        told = self._pool.agree({"ports": own, "mpirun": tool.mpirun if tool else ""})
        per_node = self._spec.process_count_per_node
        return tuple(int(each["ports"][local % len(own)]) for each in told for local in range(per_node))

    def _env_forwarder(self, ranks: Ranks) -> Tuple[str, ...]:
        """Return the forwarder of the ranks' environments to a single agent; images may have no shell for it."""
        if self._container or self._pool or not env_forwarder.supported():
            return ()
        processes = self._spec.process_count_per_node
        each = processes if self._hosts else processes * self._spec.node_count
        return (env_forwarder.SHELL, "-c", env_forwarder.FORWARDER, ranks.folder, str(each))

    def _python(self) -> Tuple[str, ...]:
        """Return the Python for Trainshed's own programs, as seen by the processes."""
        return self._container.python if self._container else (sys.executable, "-S", "-E")

    def _mpi(self) -> Mpi:
        from trainshed.node import mpi

        where: mpi.Where
        if self._container:
            from trainshed.node.mpi_in_image import InImageWhere

            where = InImageWhere(self._node_context, self._container.image)
        else:
            where = mpi.Here(self._node_context, self._environ, os.path.join(self._run_dir, layout.BUILD_LOG))
        # Of several machines, each has the cores that its processes need.
        return mpi.find(self._spec._replace(node_count=1) if self._apart else self._spec, where, self._ready)

    def _commands(self, made: launchers.Plan, base: Mapping[str, str]) -> List[Optional[RankCommand]]:
        """Return the command of each rank; None for those that another host starts."""
        cores: List[Tuple[int, ...]] = [()] * len(self._job_nodes) if self._apart else shares(len(self._nodes))
        commands: List[Optional[RankCommand]] = []
        looked_at = set() if self._apart and not self._pool else set(range(len(self._job_nodes)))
        for rank in made.ranks:
            if self._pool and self._pool.node != rank.node:
                commands.append(None)
                continue
            node = self._nodes[0 if self._pool else rank.node]
            own = {**self._of_node(node), **rank.variables}
            if self._apart:
                own[RANK_OF] = str(self._environ["TRAINSHED_RUN_ID"])
            argv = variables.expand(self._command(node), merge(base, own))
            door = self._apart and not self._pool and rank.node > 0 and is_ours(self._environ)
            looks = "" if rank.node in looked_at else "gpus" if self._spec.use_gpu else "yes"
            looked_at.add(rank.node)
            commands.append(RankCommand(argv, node.code, own, cores[rank.node], door, looks))
        return commands

    def _of_node(self, node: NodeFolder) -> Dict[str, str]:
        """The user's variables take precedence over those for data."""
        return {name: value for name, value in node.variables.items() if name not in self._spec.environment_variables}

    def _command(self, node: NodeFolder) -> Tuple[str, ...]:
        arguments = node.arguments(self._spec.arguments)
        if self._spec.command:
            return node.arguments(self._spec.command) + arguments
        script = str(self._spec.script)
        if is_notebook(script):
            return (self._ready.python, "-m", "trainshed.runtime.notebook", script, *arguments)
        if self._spec.kind == WEBSERVICE:
            return (self._ready.python, "-m", "trainshed.runtime.scoring", script, *arguments)
        return (self._ready.python, script, *arguments)
