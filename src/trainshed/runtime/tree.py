"""The tree that is put on a script's PYTHONPATH: ``trainshed`` and ``azureml`` as they are inside a run."""

import hashlib
import shutil
import tempfile
from pathlib import Path
from typing import Dict

_HERE = Path(__file__).parent
_FRONT_DOOR = "front_door.py"


def files() -> Dict[str, Path]:
    """Return what the tree is made of: path in the tree → file of this room."""
    room = {f"trainshed/runtime/{path.name}": path for path in _HERE.glob("*.py") if path.name != _FRONT_DOOR}
    names = {path.relative_to(_HERE).as_posix(): path for path in (_HERE / "azureml").rglob("*.py")}
    return {"trainshed/__init__.py": _HERE / _FRONT_DOOR, **room, **names}


def assemble(into: Path) -> Path:
    """Return the tree of this release, laid out once below ``into`` in a folder named by its content.

    Args:
        into: folder of all such trees.
    """
    contents = {name: path.read_bytes() for name, path in sorted(files().items())}
    digest = hashlib.sha256(repr(sorted(contents.items())).encode()).hexdigest()[:16]
    target = into / digest
    if not target.is_dir():
        into.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix=".building-", dir=into))
        for name, content in contents.items():
            (part / name).parent.mkdir(parents=True, exist_ok=True)
            (part / name).write_bytes(content)
        try:
            part.rename(target)
        except OSError:  # another service was first
            shutil.rmtree(part)
            if not target.is_dir():
                raise
    return target
