"""What the shim is to start for a run, in a container or right on the node."""

from __future__ import annotations

from typing import Any, Dict, NamedTuple, Optional, Sequence, Tuple

from trainshed.node.ranks import Ranks


class Start(NamedTuple):
    """What to start.

    Attributes:
        argv: the program and its arguments.
        environ: its whole environment.
        folder: its working folder.
        log: where what it prints goes.
        ranks: those that it starts; None where it is the script itself.
        notes: sentences that the user must see.
        agent: argv of what starts the ranks for it, where it does not do so itself.
        held: kept until the run has ended: ports that are its own.
    """

    argv: Tuple[str, ...]
    environ: Dict[str, str]
    folder: str
    log: str
    ranks: Optional[Ranks] = None
    notes: Tuple[str, ...] = ()
    agent: Tuple[str, ...] = ()
    held: Sequence[Any] = ()
