"""The ranks of a job as the shim sees them: their orders, news of their ends, and which of them failed first."""

from __future__ import annotations

import json
import os
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Set, Tuple

from trainshed.launchers.plan import Plan
from trainshed.spec import layout


class Order(NamedTuple):
    """What one rank is to do.

    Attributes:
        argv: the user's command, with all names expanded.
        folder: its working folder.
        variables: all that it finds in its environment and its starter does not.
        cores: the cores it may use; empty: all.
    """

    argv: Tuple[str, ...]
    folder: str
    variables: Dict[str, str]
    cores: Tuple[int, ...]


class Ranks:
    """All ranks of one run.

    Args:
        run_dir: the run directory.

    Attributes:
        crews: pids of the programs that hold ranks; they end by themselves when their ranks have ended.
        failed: a rank has ended badly, and the others are to be ended.
    """

    def __init__(self, run_dir: str) -> None:
        self._run_dir = run_dir
        self.folder = os.path.join(run_dir, layout.RANKS)
        self.crews: Set[int] = set()
        self.failed = False
        self._rest = b""
        self._news = -1

    def write(self, plan: Plan, orders: Sequence[Order], names: Sequence[str]) -> None:
        """Write the orders, and make the logs and the pipe for news.

        Args:
            plan: the ranks.
            orders: theirs, one each.
            names: names of the job's nodes.
        """
        os.makedirs(self.folder, mode=0o700, exist_ok=True)
        for number, (rank, order) in enumerate(zip(plan.ranks, orders)):
            log = os.path.join(self._run_dir, layout.rank_log(number))
            os.close(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600))
            second = os.path.join(self._run_dir, layout.rank_log(number, second=True))
            if not os.path.exists(second):
                os.link(log, second)
            record = {
                "argv": list(order.argv),
                "folder": order.folder,
                "variables": order.variables,
                "cores": list(order.cores),
                "log": log,
                "merged": os.path.join(self._run_dir, layout.DRIVER_LOG),
                "title": rank.name.replace("_", " "),
                "node": names[rank.node],
                "awaited": rank.awaited,
            }
            # Not for others' eyes: variables may hold secrets.
            order_file = os.open(os.path.join(self.folder, f"{number}.json"), os.O_WRONLY | os.O_CREAT, 0o600)
            with os.fdopen(order_file, "w", encoding="utf-8") as file:
                file.write(json.dumps(record))
        pipe = os.path.join(self.folder, "news")
        if not os.path.exists(pipe):
            os.mkfifo(pipe, 0o600)

    def listen(self) -> int:
        """Open the pipe for news, and return its descriptor."""
        # For writing too: without a writer it would tell of an end all the time.
        self._news = os.open(os.path.join(self.folder, "news"), os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        return self._news

    def hear(self) -> None:
        """Take in the news there is."""
        try:
            self._rest += os.read(self._news, 1 << 16)
        except BlockingIOError:
            return
        *lines, self._rest = self._rest.split(b"\n")
        for line in lines:
            kind, *numbers = line.decode().split()
            if kind == "crew":
                self.crews.add(int(numbers[0]))
            elif kind == "ended" and numbers[1] != "0":
                self.failed = True

    def first_failure(self) -> Optional[Dict[str, Any]]:
        """Return how the rank ended that failed first by itself; None if none did."""
        ends = [end for end in self.ends() if end["exit_code"] != 0 and (end["awaited"] or not end["told"])]
        return min(ends, key=lambda end: (end["told"], end["time"]), default=None)

    def ends(self) -> List[Dict[str, Any]]:
        """Return how those ranks ended that have, in order."""
        found = []
        for name in os.listdir(self.folder):
            if name.endswith(".end.json"):
                with open(os.path.join(self.folder, name), encoding="utf-8") as file:
                    found.append(json.load(file))
        return sorted(found, key=lambda end: int(end["rank"]))
