"""Ways in which v1 signed in: accepted, and not used, for there is nobody to sign in to."""

from __future__ import annotations

from typing import Any


class AbstractAuthentication:
    """What all of them have in common: they keep nothing of what they are given."""

    def get_authentication_header(self) -> dict[str, str]:
        """Return no header: the workspace knows its own way to its service."""
        return {}

    def get_token(self, *_: Any, **__: Any) -> None:
        """Return None: there is no token."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class InteractiveLoginAuthentication(AbstractAuthentication):
    """Accepted and not used."""

    def __init__(self, force: bool = False, tenant_id: str | None = None, cloud: str | None = None) -> None:
        super().__init__()


class AzureCliAuthentication(AbstractAuthentication):
    """Accepted and not used."""

    def __init__(self, cloud: str | None = None) -> None:
        super().__init__()


class ServicePrincipalAuthentication(AbstractAuthentication):
    """Accepted and not used; the password is not kept."""

    def __init__(
        self,
        tenant_id: str,
        service_principal_id: str,
        service_principal_password: str,
        cloud: str = "AzureCloud",
        _enable_caching: bool = True,
    ) -> None:
        super().__init__()


class MsiAuthentication(AbstractAuthentication):
    """Accepted and not used."""

    def __init__(self, identity_config: Any = None, cloud: str | None = None) -> None:
        super().__init__()


class ArmTokenAuthentication(AbstractAuthentication):
    """Accepted and not used; the token is not kept."""

    def __init__(self, arm_access_token: str, cloud: str | None = None) -> None:
        super().__init__()
