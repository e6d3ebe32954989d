"""The files of a run directory that hold secrets. All are for the eyes of the owner only, and none outlives the run."""

from __future__ import annotations

from trainshed.errors import TYPE_CHECKING, TrainshedError
from trainshed.spec import layout
from trainshed.system import confined, jsons
from trainshed.system.removal import remove_inside

if TYPE_CHECKING:
    from typing import Any, Dict

_LONGEST = 64 << 20
_NAMES = (layout.SPEC_SECRET, layout.REGISTRY_SECRET, layout.SERVICE_TOKEN, layout.CONTAINER_INIT)


def take(run_dir: str, name: str) -> str:
    """Return the content of a file, and remove it; nothing if it does not exist."""
    text = confined.read_inside(run_dir, name, 0, _LONGEST).decode("utf-8", "replace")
    remove_inside(run_dir, name)
    return text


def whole(run_dir: str, record: Dict[str, Any]) -> Dict[str, Any]:
    """Return the request of a run with its secrets.

    Args:
        run_dir: the run directory.
        record: content of its ``spec.json``.

    Raises:
        TrainshedError: the file with the secrets is missing.
    """
    spec: Dict[str, Any] = record["spec"]
    if not record.get("has_secrets"):
        return spec
    text = take(run_dir, layout.SPEC_SECRET)
    if not text:
        raise TrainshedError(
            f"The file '{layout.SPEC_SECRET}' is missing from the run directory. Submit the run again."
        )
    spec = jsons.loads(text)
    return spec  # noqa: RET504 - typed above


def forget(run_dir: str) -> None:
    """Remove all that a run which has ended may have left."""
    orders = [name for name in confined.names_inside(run_dir, layout.RANKS) if name.endswith(".order")]
    for name in (*_NAMES, *(f"{layout.RANKS}/{order}" for order in orders)):
        remove_inside(run_dir, name)
