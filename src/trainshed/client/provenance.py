"""What git knows of a source folder: commit, branch, and what has not been committed. Only where there is git."""

from __future__ import annotations

import os
import time

from trainshed.errors import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_SECONDS = 3.0
_LARGEST = 256 << 10
"""Bytes of the difference that are kept."""
# Nothing of the repository's configuration is run, and nothing in it is changed.
_GIT = ("git", "-c", "core.fsmonitor=false", "-c", "core.quotePath=false", "--no-pager", "--no-optional-locks")


def of(folder: str, sent: Callable[[str], bool]) -> tuple[dict[str, str], str]:
    """Return the properties that SDK v1 kept of a folder's repository, and the difference from its commit.

    Args:
        folder: the source folder.
        sent: tells whether a file, relative to the folder, is part of the snapshot. The difference of others, which may
            hold passwords, is left out.

    Returns:
        Two empty ones where there is no repository, no git, or none that answers soon.
    """
    if not _in_repository(folder) or not hasattr(os, "posix_spawnp"):
        return {}, ""
    state = _Git(folder, "status", "--porcelain=v2", "--branch", "--untracked-files=no", "--", ".")
    difference = _Git(folder, "diff", "HEAD", "--no-color", "--no-ext-diff", "--no-textconv", "--relative", "--", ".")
    remote = _Git(folder, "config", "--get", "remote.origin.url")
    deadline = time.monotonic() + _SECONDS
    told, diff, address = (each.output(deadline) for each in (state, difference, remote))
    head = dict(line[2:].split(" ", 1) for line in told.splitlines() if line.startswith("# branch."))
    commit = head.get("branch.oid", "")
    if not commit or commit == "(initial)":
        return {}, ""
    dirty = any(line[:1] in "12u" for line in told.splitlines() if line)
    found = {"mlflow.source.git.commit": commit, "azureml.git.commit": commit, "azureml.git.dirty": str(dirty)}
    branch = head.get("branch.head", "")
    if branch and branch != "(detached)":
        found.update({"mlflow.source.git.branch": branch, "azureml.git.branch": branch})
    if address.strip():
        place = _without_password(address.strip())
        found.update({"mlflow.source.git.repoURL": place, "azureml.git.repository_uri": place})
    return found, _only(diff, sent) if dirty else ""


def _in_repository(folder: str) -> bool:
    path = os.path.realpath(folder)
    while not os.path.exists(os.path.join(path, ".git")):
        path, name = os.path.split(path)
        if not name:
            return False
    return True


class _Git:
    """A command of git that runs; not by subprocess, which takes longer to import than git to run."""

    def __init__(self, folder: str, *words: str) -> None:
        self._pid = 0
        self._read, write = os.pipe()
        null = os.open(os.devnull, os.O_RDWR)
        actions = [(os.POSIX_SPAWN_DUP2, null, 0), (os.POSIX_SPAWN_DUP2, write, 1), (os.POSIX_SPAWN_DUP2, null, 2)]
        environment = {**os.environ, "LC_ALL": "C"}
        for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_EXTERNAL_DIFF"):
            environment.pop(name, None)
        try:
            self._pid = os.posix_spawnp("git", [*_GIT, "-C", folder, *words], environment, file_actions=actions)
        except OSError:
            pass  # there is no git
        finally:
            os.close(write)
            os.close(null)

    def output(self, deadline: float) -> str:
        """Return what it prints; nothing if that takes too long, or fails."""
        import select

        content = b""
        try:
            while len(content) < _LARGEST:
                if not select.select([self._read], [], [], max(deadline - time.monotonic(), 0))[0]:
                    content = b""
                    break
                piece = os.read(self._read, 1 << 16)
                if not piece:
                    break
                content += piece
        finally:
            os.close(self._read)
            if self._pid:
                if time.monotonic() >= deadline:
                    os.kill(self._pid, 9)
                status = os.waitpid(self._pid, 0)[1]
                content = content if status == 0 or len(content) >= _LARGEST else b""
        return content.decode("utf-8", "replace")


def _without_password(address: str) -> str:
    scheme, mark, rest = address.partition("://")
    host = rest.split("/", 1)[0]
    return f"{scheme}://{rest[host.rindex('@') + 1 :]}" if mark and "@" in host else address


def _only(diff: str, sent: Callable[[str], bool]) -> str:
    """Return the parts of a difference that are about files of the snapshot, or about files that are gone."""
    kept = []
    for part in ("\n" + diff).split("\ndiff --git ")[1:]:
        path = part.split("\n", 1)[0].rpartition(" b/")[2]
        if sent(path) or "\ndeleted file mode " in part:
            kept.append(f"diff --git {part}")
    return "\n".join(kept)
