"""What must be kept and no record may contain: the requests of runs that have not ended, and registered environments.

The database holds them with ``***`` in place of each secret. The whole is in a file of its own that only its owner can
read, until the run has ended or the environment is deleted.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

from trainshed.spec.checks import HIDDEN
from trainshed.spec.secrets import without_secrets
from trainshed.system import files

Json = dict[str, Any]


class Private:
    """Whole requests by key.

    Args:
        folder: the folder of their files.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, key: str, whole: Json) -> Json:
        """Return a request as it may be stored and shown; if it has secrets, keep the whole of it durably.

        Args:
            key: by which it is found again.
            whole: the request, as JSON.
        """
        shown: Json = without_secrets(whole)
        if shown != whole:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            files.write(str(self._path(key)), json.dumps(whole), durable=True)
        return shown

    def whole(self, key: str, shown: Json) -> Json:
        """Return the whole of a request; what is shown of it if it has no secrets or they are gone."""
        return files.read_json(str(self._path(key))) or shown

    def forget(self, key: str) -> None:
        """Delete the whole of a request, if it was kept."""
        self._path(key).unlink(missing_ok=True)

    def sweep(self, keys: Collection[str]) -> None:
        """Delete all but those of some keys: what a kill has left."""
        kept = {self._path(key) for key in keys}
        for path in self._folder.iterdir() if self._folder.is_dir() else ():
            if path not in kept:
                path.unlink(missing_ok=True)

    def _path(self, key: str) -> Path:
        return self._folder / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.json"


def lacks_secrets(spec: Json) -> bool:
    """Tell whether a run's request has a placeholder where its script would need a value."""
    return HIDDEN in spec.get("environment_variables", {}).values()
