"""The dict of a workspace's environments."""

from __future__ import annotations

from trainshed.api.configuration.curated import is_curated
from trainshed.api.configuration.environment import Environment
from trainshed.api.workspace.callable_dict import CallableDict
from trainshed.errors import UnknownNameException, UserErrorException, did_you_mean

__all__ = ["Environment", "Environments"]


class Environments(CallableDict[Environment]):
    """Registered environments, and the curated ones of SDK v1, which may also have versions that are not listed.

    Example:
        >>> ws.environments["AzureML-sklearn-1.3-ubuntu22.04-py310-cpu"].name
        'AzureML-sklearn-1.3-ubuntu22.04-py310-cpu'
    """

    def __missing__(self, name: str) -> Environment:  # type: ignore[override]
        """Return a curated environment that is not listed.

        Raises:
            UnknownNameException: there is no such environment.
        """
        if is_curated(name):
            try:
                return Environment._of_curated(name)
            except UserErrorException as error:
                raise UnknownNameException(error.message) from None
        own = sorted(each for each in self if not is_curated(each))
        known = f"Registered: {', '.join(own)}." if own else "None is registered yet."
        raise UnknownNameException(
            f"There is no environment {name!r}. {known} (Names that begin with 'AzureML-' are those of curated "
            f"environments.){did_you_mean(str(name), own)}"
        )
