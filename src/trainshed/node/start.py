"""What the shim has to start for a run, in a container or directly on the node."""

from __future__ import annotations

from trainshed.errors import TYPE_CHECKING
from trainshed.node.ranks import Ranks
from trainshed.spec.record import Record

if TYPE_CHECKING:
    from typing import Any, Dict, Optional, Sequence, Tuple


class Start(Record):
    """What to start.

    Attributes:
        argv: the program and its arguments; none where the waiting agents need no other.
        environ: its complete environment.
        folder: its working folder.
        log: file for its output.
        ranks: the ranks that it starts; None if it is the script itself.
        notes: messages for the user.
        agent: argv of the rank agent, if the program itself does not start the ranks.
        held: kept open until the run has ended: reserved ports.
        waiting: the agents that wait on the job's nodes start the ranks.
    """

    argv: Tuple[str, ...]
    environ: Dict[str, str]
    folder: str
    log: str
    ranks: Optional[Ranks] = None
    notes: Tuple[str, ...] = ()
    agent: Tuple[str, ...] = ()
    held: Sequence[Any] = ()
    waiting: bool = False
