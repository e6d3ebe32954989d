"""Open MPI for a run in a container: searched in its image, and installed on top if missing."""

from __future__ import annotations

import os

from trainshed.errors import TYPE_CHECKING
from trainshed.node.environment import Ready
from trainshed.node.in_image import InImage
from trainshed.node.mpi import Where, package_below
from trainshed.spec.environment import EnvironmentSpec

if TYPE_CHECKING:
    from typing import Any, Iterable, List, Mapping, Optional, Tuple

_FIND = "import importlib.util as u; print(u.find_spec('mpi4py') is not None)"


class InImageWhere(Where):
    """An image.

    Args:
        node_context: the part of ``spec.json`` that describes this node.
        image: the image.
    """

    def __init__(self, node_context: Mapping[str, Any], image: InImage) -> None:
        super().__init__(os.path.join(node_context["home"], "mpi.json"))
        self._image = image

    def starters(self, ready: Ready) -> Iterable[str]:
        """See :meth:`Where.starters`."""
        if ready.entry is not None and os.path.isfile(ready.entry.prefix / "bin" / "mpirun"):
            yield str(ready.entry.prefix / "bin" / "mpirun")
        path, _ = self._image.mpirun()
        if path:
            yield path

    def version(self, path: str) -> str:
        """See :meth:`Where.version`."""
        theirs, output = self._image.mpirun()
        return output if path == theirs else super().version(path)

    def package(self, ready: Ready) -> Optional[str]:
        """See :meth:`Where.package`."""
        own = package_below(str(ready.entry.prefix)) if ready.entry is not None else None
        if own:
            return own
        key = f"{self._image.image_id} {ready.python} mpi4py"
        has = self.ask(key, [ready.python, "-c", _FIND], {}, self._image.known).strip() == "True"
        return self._image.known if has else None

    def add(self, request: EnvironmentSpec) -> str:
        """See :meth:`Where.add`."""
        return self._image.add(request).python

    def run(self, argv: List[str], variables: Mapping[str, str]) -> Tuple[int, str]:
        """See :meth:`Where.run`."""
        return self._image.run(argv, self._image.mounted, variables)
