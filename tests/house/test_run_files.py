"""What is in a run directory is opened by :mod:`trainshed.system.confined` alone: a script may have put anything there."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest
from checkout import ROOT

ROOMS = ("service", "machines", "targets", "node", "store")
OPENERS = {
    *("open", "scandir", "listdir", "walk", "iterdir", "glob", "rglob", "read_text", "read_bytes", "write_text"),
    *("write_bytes", "copy", "copy2", "copyfile", "copytree", "rmtree", "mkfifo", "read_json"),
}
SAFE = frozenset({"confined", "mirror", "_mirror"})
"""What may be asked to open, walk or copy: the opener, and the mirror, which goes by it."""

OURS = {
    "machines/bootstrap.py": "the program that a machine gets from us",
    "machines/kit.py": "what machines get from us",
    "machines/leavings.py": "the folders of the home; of a run only its name and the sizes of its files",
    "node/code.py": "the store of snapshots, and the working folder before anything of the user's has run",
    "node/mpi.py": "Open MPI's own folders",
    "service/access.py": "the workspace's token",
    "service/garbage.py": "the folders of the workspace and of the home; of a run only its name",
    "service/main.py": "the service's lock",
    "service/log.py": "the service's log",
    "service/server.py": "the service's socket and endpoint file",
    "service/removal_routes.py": "the database",
    "service/script_tree.py": "our own sources",
    "service/workspace_registry.py": "the workspace's settings",
    "store/database.py": "the database",
    "store/packs.py": "the store of snapshots",
    "store/private.py": "what records may not contain",
    "store/reserve.py": "room on the database's disk",
    "store/schema.py": "the database's schema",
    "store/secrets.py": "the workspace's secrets",
    "store/snapshots.py": "the store of snapshots",
    "store/verification.py": "the store of snapshots",
}
"""Modules that open no file of a run: module → what they open."""

ALLOWED = {
    "machines/agent.py:Agent.put_piece": "the store of contents",
    "machines/agent.py:Agent.put_end": "the store of contents",
    "machines/agent.py:Agent.install": "the home's programs",
    "machines/bring_python.py:PythonBringer._send": "uv, or an archive that the target's settings name",
    "machines/remote.py:RemoteMachine._open": "a connection",
    "machines/serve.py:main": "the null device",
    "node/container_init.py:_out_of_memory": "the kernel's files",
    "node/datasets.py:Datasets.detach": "outputs for datastores: a copy that skips what is no regular file",
    "node/env_forwarder.py:make": "pipes that are made before any rank is started",
    "node/env_forwarder.py:EnvForwarders.__init__": "opened to read and write, a pipe does not wait; nothing is read but numbers",
    "node/env_forwarder.py:EnvForwarders.release": "without waiting, and not for a file's content",
    "node/env_forwarder.py:environment": "the kernel's files",
    "node/life.py:_let_go_of_parent": "the null device",
    "node/logs.py:open_log": "the null device",
    "node/nodes.py:NodeFolder._make_shared": "a folder of the snapshot, before anything of the user's has run",
    "node/slurm_agents.py:SlurmAgents._start": "a pipe that is made before any rank is started, opened to read and write; nothing is read",
    "node/rank_events.py:RankEvents.make": "a pipe that is made before any rank is started",
    "node/rank_events.py:RankEvents.listen": "opened to read and write, a pipe does not wait; nothing is read but numbers",
    "node/resources.py:_descendants": "the kernel's files",
    "node/resources.py:_text": "the kernel's files",
    "node/rank_processes.py:RankAgent.__init__": "without waiting, and only written to",
    "node/env_forwarder.py:ranks": "names of orders, before any rank is started",
    "node/ranks.py:Ranks.clear": "removal by descriptor, which follows no link",
    "service/models.py:_copy_of_run": "a new file in the folder of a model",
    "service/models.py:_files": "the folder of a model",
    "service/models.py:_add": "removal of what was uploaded for a model",
    "service/models.py:register": "removal of what was copied for a model",
    "service/models.py:remove": "removal of a model's folder, by descriptor, which follows no link",
    "service/mlflow/sources.py:_copy": "a new file in the folder of a model",
    "service/mlflow/sources.py:copied": "the folder of a model: a copy of another's, or its removal",
    "service/staging.py:Staging._hash": "data of datastores, and our programs",
    "service/staging.py:Staging._copy_back": "the outbox as the mirror has written it, regular files alone",
    "service/staging.py:_pieces": "data of datastores, and our programs",
    "service/package_routes.py:recipe": "our programs",
    "service/sweep_log.py:SweepLog._open": "the log of a sweep, whose run has no script: appended to, without following a link",
    "service/transfers.py:put_pack": "the store of snapshots",
    "service/transfers.py:_private": "the store of snapshots",
    "service/transfers.py:_zipped": "an archive",
    "service/transfers.py:list_data": "a datastore",
    "service/transfers.py:_walk": "a datastore",
    "service/verification.py:Verifier.total": "the store of snapshots",
    "service/verification.py:Verifier._snapshots": "the store of snapshots",
    "service/verification.py:Verifier._contents": "the store of snapshots",
    "service/verification.py:Verifier._of_contents": "the store of snapshots",
    "store/trash.py:Trash.content": "names of what is removed",
    "store/trash.py:_facts": "sizes alone, by what the kernel says of entries",
    "targets/shared_folders.py:check_seen": "a new file in a folder that a target's settings name, without content",
}
"""Functions of other modules that open something by themselves: function → what it is."""


def opening(source: str, safe: frozenset[str] = SAFE) -> list[str]:
    """Return the functions in which something is opened, listed, copied or removed otherwise than by the opener.

    Args:
        source: of a module.
        safe: names of objects that may do so.
    """
    tree = ast.parse(source)
    froms = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    opener = {alias.name for node in froms if node.module == "trainshed.system.confined" for alias in node.names}

    def within(node: ast.AST, names: tuple[str, ...]) -> Iterator[str]:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names = (*names, node.name)
        if isinstance(node, ast.Call):
            called = node.func
            owner = called.value if isinstance(called, ast.Attribute) else None
            name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
            who = owner.attr if isinstance(owner, ast.Attribute) else getattr(owner, "id", "")
            if name in OPENERS and who not in safe and (owner is not None or name not in opener):
                yield ".".join(names)
        for child in ast.iter_child_nodes(node):
            yield from within(child, names)

    return list(within(tree, ()))


def found() -> set[str]:
    package = ROOT / "src" / "trainshed"
    hits = set()
    for path in (path for room in ROOMS for path in sorted((package / room).rglob("*.py"))):
        name = path.relative_to(package).as_posix()
        safe = SAFE | {"self"} if name == "service/mirror.py" else SAFE
        hits |= {f"{name}:{hit}" for hit in opening(path.read_text(), safe)}
    return hits


def test_files_of_a_run_are_opened_by_the_opener_alone() -> None:
    rest = {hit for hit in found() if hit.partition(":")[0] not in OURS}
    assert rest - set(ALLOWED) == set(), "use trainshed.system.confined, or say here why not"
    assert set(ALLOWED) - rest == set(), "these open nothing any more"
    assert set(OURS) - {hit.partition(":")[0] for hit in found()} == set(), "these open nothing any more"


@pytest.mark.parametrize(
    "planted",
    [
        "open(path)",
        "os.open(path, os.O_RDONLY)",
        "Path(run_dir, 'shim.json').read_text()",
        "(run_dir / 'exit.json').open()",
        "shutil.copyfile(path, there)",
        "os.scandir(run_dir)",
        "[path for path in (run_dir / 'code').iterdir()]",
        "os.walk(run_dir)",
        "files.read_json(path)",
        "shutil.rmtree(run_dir)",
    ],
)
def test_what_opens_otherwise_is_found(planted: str) -> None:
    source = f"from trainshed.system.confined import read_inside\n\nclass Reader:\n    def read(self):\n        return {planted}\n"
    assert opening(source) == ["Reader.read"]


@pytest.mark.parametrize("right", ["confined.walk(run_dir)", "walk(run_dir)", "self._mirror.open(run_id, path)"])
def test_the_opener_is_not_found(right: str) -> None:
    assert opening(f"from trainshed.system.confined import walk\n\ndef read(self):\n    return {right}\n") == []
