"""The ranks of a job as the shim sees them: their orders, events about their ends, and which of them failed first."""

from __future__ import annotations

import os
import time

from trainshed.errors import TYPE_CHECKING
from trainshed.launchers.plan import Plan
from trainshed.node import env_forwarder, fields
from trainshed.node.logs import make_log
from trainshed.node.rank_events import RankEvents
from trainshed.spec import layout
from trainshed.spec.record import Record
from trainshed.system import confined

if TYPE_CHECKING:
    from typing import Any, Dict, List, Optional, Sequence, Tuple

_LONGEST_END = 1 << 16
_LATE_SECONDS, _PAUSE = 60.0, 0.2


class RankCommand(Record):
    """The command of one rank.

    Attributes:
        argv: the user's command, with all names expanded.
        folder: its working folder.
        variables: its environment variables, in addition to its starter's.
        cores: the cores it may use; empty for all.
        door: it does not reach the shim's address for MLflow's clients, and needs one on its own machine.
        looks: its agent looks at what the run uses of its machine: ``"yes"``, or ``"gpus"`` for those, too.
    """

    argv: Tuple[str, ...]
    folder: str
    variables: Dict[str, str]
    cores: Tuple[int, ...]
    door: bool = False
    looks: str = ""


class Ranks:
    """All ranks of one run.

    Args:
        run_dir: the run directory.
        apart: they are on several machines.
        shared: these have a file system in common, so that all have written their ends here.
        log: path in the run directory of the log of what starts them.

    Attributes:
        apart, log: as given.
        folder: the folder of their orders.
        scratch: folder for the starter's own files.
        events: their ends.
    """

    def __init__(self, run_dir: str, apart: bool = False, shared: bool = True, log: str = layout.DRIVER_LOG) -> None:
        self._run_dir = run_dir
        self._shared = shared
        self.apart = apart
        self.log = log
        self.folder = os.path.join(run_dir, layout.RANKS)
        self.scratch = os.path.join(self.folder, "scratch")
        self.events = RankEvents(self.folder)

    def write(self, plan: Plan, commands: Sequence[Optional[RankCommand]], names: Sequence[str]) -> None:
        """Write the orders, and create the logs and the pipe for events.

        Args:
            plan: the ranks.
            commands: the command of each rank; None for one that another host starts.
            names: names of the job's nodes.
        """
        os.makedirs(self.scratch, mode=0o700, exist_ok=True)
        for number, (rank, command) in enumerate(zip(plan.ranks, commands)):
            if command is None:
                continue
            pairs = [
                ("folder", command.folder),
                ("log", self._make_log(number)),
                ("merged", os.path.join(self._run_dir, layout.DRIVER_LOG)),
                ("title", rank.name.replace("_", " ")),
                ("node", names[rank.node]),
                ("awaited", "yes" if rank.awaited else "no"),
                *(("argument", argument) for argument in command.argv),
                *(("variable", f"{name}={value}") for name, value in command.variables.items()),
                *(("core", str(core)) for core in command.cores),
                *([("door", "yes")] if command.door else []),
                *([("looks", command.looks)] if command.looks else []),
            ]
            fields.write(os.path.join(self.folder, f"{number}.order"), pairs)
        self.events.make()
        if plan.agent:
            env_forwarder.make(self.folder, range(len(plan.ranks)))

    def _make_log(self, number: int) -> str:
        make_log(self._run_dir, layout.rank_log(number), layout.rank_log(number, second=True))
        return os.path.join(self._run_dir, layout.rank_log(number))

    def clear(self) -> None:
        """Remove what their starter has left."""
        try:
            os.rmdir(self.scratch)
        except OSError:
            import shutil  # if a rank was killed

            shutil.rmtree(self.scratch, ignore_errors=True)

    def first_failure(self) -> Optional[Dict[str, Any]]:
        """Return how the first failed rank ended; None if none failed by itself."""
        ends = self._failures()
        deadline = time.monotonic() + _LATE_SECONDS
        while self.apart and self._shared and self.events.failed and not ends and time.monotonic() < deadline:
            time.sleep(_PAUSE)  # what another machine has written may not be seen here at once
            ends = self._failures()
        if not self._shared and self.events.failed:
            ends = [end for end in ends if end["rank"] == self.events.first]  # those that were ended here are none
        return min(ends, key=lambda end: (end["told"], end["time"]), default=None)

    def _failures(self) -> List[Dict[str, Any]]:
        return [end for end in self.ends() if end["exit_code"] != 0 and (end["awaited"] or not end["told"])]

    def ends(self) -> List[Dict[str, Any]]:
        """Return how ranks ended, in order, for those that have.

        Returns:
            For each ``{"rank", "title", "node", "host", "time", "told", "awaited", "exit_code", "signal"}``; one of the
            last
            two is None.
        """
        found = []
        for name in confined.names_inside(self._run_dir, layout.RANKS):
            if name.endswith(".end"):
                try:
                    found.append(_end(os.path.join(self.folder, name)))
                except (KeyError, ValueError):
                    continue  # not written by the rank's agent
        return sorted(found, key=lambda end: int(end["rank"]))


def _end(path: str) -> Dict[str, Any]:
    found = {name: texts[0] for name, texts in fields.read(path, _LONGEST_END).items()}
    return {
        **found,
        "rank": int(found["rank"]),
        "time": float(found["time"]),
        "told": found["told"] == "yes",
        "awaited": found["awaited"] == "yes",
        "exit_code": int(found["exit_code"]) if "exit_code" in found else None,
        "signal": int(found["signal"]) if "signal" in found else None,
    }
