"""Store a snapshot, as the service does, in the folder of argument one; print its name."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from typing import Any

from trainshed.store.database import Database
from trainshed.store.snapshots import Snapshots

CONTENT = b"print('hi')\n" * 10


def main(root: Path) -> None:
    database = Database(root.parent / "history.db")
    store = Snapshots(root, database)
    sha, size = hashlib.sha256(CONTENT).hexdigest(), len(CONTENT)
    pack = store.packs.incoming()
    assert pack is not None
    pack.write_bytes(bytes.fromhex(sha) + size.to_bytes(8, "big") + CONTENT)
    store.packs.adopt(pack)
    entries: list[dict[str, Any]] = [
        {"path": "train.py", "kind": "file", "sha256": sha, "size": size, "mode": 0o644},
        {"path": "bin/tool", "kind": "file", "sha256": sha, "size": size, "mode": 0o755},
        {"path": "empty", "kind": "dir"},
        {"path": "link", "kind": "link", "target": "bin/tool"},
    ]
    print(store.put_tree(entries))
    database.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
