"""azureml.core.authentication."""

from typing import Any

from azureml import _made


class AbstractAuthentication:
    """A way in which v1 signed in: accepted, and nothing of it is kept, for there is nobody to sign in to."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        _made.check(type(self), args, kwargs)

    def get_authentication_header(self) -> dict[str, str]:
        """Return no header: the workspace knows its own way to its service."""
        return {}

    def get_token(self, *_: object, **__: object) -> None:
        """Return None: there is no token."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


__all__ = ["AbstractAuthentication", *_made.names("core.authentication")]


def __getattr__(name: str) -> Any:
    return _made.find("core.authentication", name)
