"""The tree that is put on a script's PYTHONPATH: ``trainshed`` and ``azureml`` as they are inside a run.

The top level contains what every script needs: the run itself, for Python 3.6 and later, fast to import. The folder
``client`` contains everything else, for scripts that use a workspace, a dataset or a model.
"""

import hashlib
import shutil
import tempfile
from importlib.util import find_spec
from pathlib import Path

_PACKAGE = Path(__file__).parent.parent
_RUNTIME = _PACKAGE / "runtime"
_FRONT_DOOR = "front_door.py"
_HOOK = "hook.py"
_NOT_FOR_RUNS = "_check"
_MARK = "_trainshed.py"
_CLIENT = ("api", "client", "data", "integrations", "system", "spec", "tensorboard", "widgets")


def files() -> dict[str, Path]:
    """Return the contents of the tree: path in the tree → source file."""
    moved = {"trainshed/__init__.py": _RUNTIME / _FRONT_DOOR, "hooks/sitecustomize.py": _RUNTIME / _HOOK}
    room = {f"trainshed/runtime/{path.name}": path for path in _RUNTIME.glob("*.py") if path not in moved.values()}
    names = {path.relative_to(_RUNTIME).as_posix(): path for path in (_RUNTIME / "azureml").rglob("*.py")}
    top = {f"trainshed/{name}": _PACKAGE / name for name in ("errors.py", "version.py")}
    return {**moved, **top, **room, **names, **_client()}


def _client() -> dict[str, Path]:
    """Return the packages of a client, and SDK v1's names if they are installed too."""
    found = {"trainshed/whole.py": _PACKAGE / "__init__.py"}
    for room in _CLIENT:
        found.update({f"trainshed/{path.relative_to(_PACKAGE)}": path for path in (_PACKAGE / room).rglob("*.py")})
    names = find_spec("azureml")
    for folder in names.submodule_search_locations or () if names else ():
        root = Path(folder)
        if (root / _MARK).is_file():
            modules = (path.relative_to(root) for path in root.rglob("*.py"))
            found.update({f"azureml/{name}": root / name for name in modules if name.parts[0] != _NOT_FOR_RUNS})
            found["azureml/core/whole.py"] = root / "core" / "__init__.py"
    return {f"client/{name}": path for name, path in found.items()}


def assemble(into: Path) -> Path:
    """Return the tree of this release, created once below ``into`` in a folder named by its content hash.

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
