"""The client's own folder for files that can be created or downloaded again."""

from __future__ import annotations

import os
import time
import zlib

from trainshed.errors import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


def cache(*parts: str) -> str:
    """Return a path in the cache: below ``$TRAINSHED_HOME/client``, else ``$XDG_CACHE_HOME/trainshed``.

    Args:
        parts: path below that folder; nothing is created.
    """
    home = os.environ.get("TRAINSHED_HOME")
    if home:
        return os.path.join(os.path.abspath(home), "client", *parts)
    root = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(root, "trainshed", *parts)


def prune(unused_days: float, dry_run: bool) -> Iterator[tuple[str, int]]:
    """Remove unused files, and yield (path in the cache, bytes) of each.

    Args:
        unused_days: days since the last use.
        dry_run: only yield what would be removed.
    """
    import contextlib

    root, before = cache(), time.time() - unused_days * 86_400
    for at, _, names in os.walk(root, topdown=False):
        for name in names:
            path = os.path.join(at, name)
            with contextlib.suppress(OSError):
                facts = os.lstat(path)
                if facts.st_mtime < before:
                    if not dry_run:
                        os.unlink(path)
                    yield os.path.relpath(path, root), facts.st_size
        if at != root and not dry_run:
            with contextlib.suppress(OSError):  # not empty
                os.rmdir(at)


def mark(*words: str) -> str:
    """Return a short checksum of these words. It avoids importing OpenSSL; two lists of words may share a checksum.

    Args:
        words: the words.

    Example:
        >>> mark("http://127.0.0.1:80", "/src")
        '90575e1e'
    """
    return f"{zlib.crc32(chr(0).join(words).encode('utf-8', 'surrogateescape')):08x}"
