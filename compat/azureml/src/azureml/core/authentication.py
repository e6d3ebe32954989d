"""SDK v1's module ``azureml.core.authentication``."""

from typing import Any

from azureml import _made


class AbstractAuthentication:
    """Base class of SDK v1's authentication methods. Accepted for compatibility; credentials are not stored or used."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        _made.check(type(self), args, kwargs)

    def get_authentication_header(self) -> dict[str, str]:
        """Return an empty dict: no authentication header is needed."""
        return {}

    def get_token(self, *_: object, **__: object) -> None:
        """Return None: no token is needed."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


__all__ = ["AbstractAuthentication", *_made.names("core.authentication")]


def __getattr__(name: str) -> Any:
    return _made.find("core.authentication", name)
