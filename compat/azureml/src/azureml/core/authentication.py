"""SDK v1's module ``azureml.core.authentication``."""

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


class Audience:
    """What a token is for. Tokens are not used."""

    arm = "ARM"
    aml = "AML"


__all__ = ["AbstractAuthentication", "Audience", *_made.names("core.authentication")]

__getattr__ = _made.lookup("core.authentication")
