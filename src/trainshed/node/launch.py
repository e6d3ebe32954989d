"""From a run's record to the one program that the shim starts: the script itself, or what starts all its ranks."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Optional, Tuple

from trainshed.launchers import plan as launchers
from trainshed.node import lent, variables
from trainshed.node.environment import Ready
from trainshed.node.layers import merge
from trainshed.node.nodes import NodeFolder, shares
from trainshed.node.ranks import Order, Ranks
from trainshed.node.start import Start
from trainshed.spec import layout
from trainshed.spec.run import RunSpec

if TYPE_CHECKING:
    from trainshed.node.box import Box
    from trainshed.node.mpi import Mpi

_CREW = os.path.join(os.path.dirname(os.path.abspath(__file__)), "crew.py")
_HERE = "127.0.0.1"


class Launch:
    """One run that is about to start.

    Args:
        spec: what to run.
        place: the part of ``spec.json`` that describes this machine.
        run_dir: the run directory.
        nodes: the run's nodes, laid out.
        ready: its environment.
        environ: what every process of the run finds in its environment.
        box: the container in which the processes will be; None: there is none.
    """

    def __init__(
        self,
        spec: RunSpec,
        place: Mapping[str, Any],
        run_dir: str,
        nodes: List[NodeFolder],
        ready: Ready,
        environ: Dict[str, str],
        box: Optional[Box] = None,
    ) -> None:
        self._spec = spec
        self._place = place
        self._run_dir = run_dir
        self._nodes = nodes
        self._ready = ready
        self._environ = environ
        self._box = box
        given = place.get("gpus")
        gpus = [tuple(own) for own in given] if given else [None] * len(nodes)
        self._there = tuple(launchers.Node(node.name, _HERE, node.code, own) for node, own in zip(nodes, gpus))
        self._notes = (str(place["gpu_note"]),) if place.get("gpu_note") else ()

    def start(self) -> Start:
        """Return what to start.

        Raises:
            TrainshedError: Open MPI is asked for and cannot be had or used.
        """
        return self._alone() if self._spec.launcher == "single" else self._together()

    def _alone(self) -> Start:
        (rank,) = launchers.plan("single", launchers.Job(self._there, 1, (), ())).ranks
        node = self._nodes[0]
        whole = merge(self._environ, self._of_node(node), rank.variables)
        log = os.path.join(self._run_dir, layout.DRIVER_LOG)
        return Start(variables.expand(self._command(node), whole), whole, node.code, log, notes=self._notes)

    def _together(self) -> Start:
        # What a single process does not need.
        from trainshed.system.ports import reserve

        spec, ranks = self._spec, Ranks(self._run_dir)
        tool = self._mpi() if spec.launcher == "openmpi" else None
        base = merge(self._environ, tool.variables) if tool else self._environ
        held = reserve(max(1, spec.worker_count + spec.parameter_server_count))
        job = launchers.Job(
            nodes=self._there,
            processes=spec.process_count_per_node,
            crew=(*self._python(), _CREW, ranks.folder),
            ports=tuple(one.getsockname()[1] for one in held),
            mpirun=tool.mpirun if tool else "",
            scratch=ranks.scratch,
            stub=self._stub(ranks) if tool else (),
            root=os.geteuid() == 0,
            backend=spec.backend,
            workers=spec.worker_count,
            servers=spec.parameter_server_count,
            environment=self._environ,
        )
        made = launchers.plan(spec.launcher, job)
        ranks.write(made, self._orders(made, base), [node.name for node in self._nodes])
        log = os.path.join(self._run_dir, layout.MPI_LOG if tool else layout.DRIVER_LOG)
        whole = merge(base, made.variables)
        notes = (*self._notes, *(tool.notes if tool else ()))
        return Start(made.starter, whole, self._nodes[0].code, log, ranks, notes, made.crew, held)

    def _stub(self, ranks: Ranks) -> Tuple[str, ...]:
        """Return what lends the ranks' environments to one crew; an image may have no shell for that."""
        if self._box or not lent.possible():
            return ()
        return (lent.SHELL, "-c", lent.STUB, ranks.folder)

    def _python(self) -> Tuple[str, ...]:
        """Return the Python that our own programs run with where the processes are."""
        return self._box.python if self._box else (sys.executable, "-S", "-E")

    def _mpi(self) -> Mpi:
        from trainshed.node import mpi

        where: mpi.Where
        if self._box:
            from trainshed.node.mpi_in_image import InImageWhere

            where = InImageWhere(self._place, self._box.there)
        else:
            where = mpi.Here(self._place, self._environ, os.path.join(self._run_dir, layout.BUILD_LOG))
        return mpi.find(self._spec, where, self._ready)

    def _orders(self, made: launchers.Plan, base: Mapping[str, str]) -> List[Order]:
        cores, orders = shares(len(self._nodes)), []
        for rank in made.ranks:
            node = self._nodes[rank.node]
            told = {**self._of_node(node), **rank.variables}
            argv = variables.expand(self._command(node), merge(base, told))
            orders.append(Order(argv, node.code, told, cores[rank.node]))
        return orders

    def _of_node(self, node: NodeFolder) -> Dict[str, str]:
        """What the user set stands over what data brings."""
        return {name: value for name, value in node.variables.items() if name not in self._spec.environment_variables}

    def _command(self, node: NodeFolder) -> Tuple[str, ...]:
        arguments = node.arguments(self._spec.arguments)
        if self._spec.command:
            return node.arguments(self._spec.command) + arguments
        return (self._ready.python, str(self._spec.script), *arguments)
