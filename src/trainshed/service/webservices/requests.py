"""The whole requests for the runs of web services, with the keys of their callers."""

from __future__ import annotations

import json
import secrets
from typing import Any

from trainshed.errors import WebserviceException
from trainshed.service.webservices.versions import Record, runs_of
from trainshed.spec.codec import from_json
from trainshed.spec.record import to_json
from trainshed.spec.run import RunSpec
from trainshed.store.private import Private

ACCESS = "TRAINSHED_SERVICE_ACCESS"
"""Environment variable of a service's run: who may call it, as JSON."""
_KEPT = ("name", "address", "keys")


class ServiceRequests:
    """The requests by the runs of the versions.

    Args:
        private: where they are kept.
    """

    def __init__(self, private: Private) -> None:
        self._private = private

    def keep(self, run_id: str, spec: RunSpec) -> None:
        """Keep the request for a version.

        Args:
            run_id: the version's run.
            spec: the request.
        """
        self._private.keep(run_id, to_json(spec))

    def forget(self, run_id: str) -> None:
        """Delete the request for a version.

        Args:
            run_id: the version's run.
        """
        self._private.forget(run_id)

    def spec(self, run_id: str, name: str) -> RunSpec:
        """Return the request for a version, without the keys.

        Args:
            run_id: the version's run.
            name: name of the service.

        Raises:
            WebserviceException: it is gone.
        """
        found = self._private.whole(run_id, {})
        if not found:
            raise WebserviceException(f"The request for the web service '{name}' is missing. Deploy it again.")
        spec = from_json(RunSpec, found)
        variables = {key: value for key, value in spec.environment_variables.items() if key != ACCESS}
        return spec._replace(environment_variables=variables)

    def access(self, record: Record) -> dict[str, Any]:
        """Return address and keys of a service's newest version.

        Args:
            record: the service's.
        """
        whole = self._private.whole(runs_of(record)[-1], {})
        found = json.loads(whole.get("environment_variables", {}).get(ACCESS, "{}"))
        return {key: value for key, value in found.items() if key in _KEPT} or new_access(record["name"])


def new_access(name: str) -> dict[str, Any]:
    """Return a new address and new keys.

    Args:
        name: name of the service.
    """
    return {
        "name": name,
        "address": secrets.token_urlsafe(16),
        "keys": [secrets.token_urlsafe(32), secrets.token_urlsafe(32)],
    }
