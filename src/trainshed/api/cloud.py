"""Members of v1 that are about its cloud: each says in one sentence what to use instead."""

from __future__ import annotations

from typing import Any, NoReturn

from trainshed.errors import UserErrorException


def refuse(name: str, instead: str) -> NoReturn:
    """Raise for a member that needs v1's cloud.

    Args:
        name: how the user wrote it, e.g. ``"Workspace.list_keys"``.
        instead: what to use instead, as a clause.

    Raises:
        UserErrorException: always.
    """
    raise UserErrorException(f"{name} is about v1's cloud, which is not here: {instead}.")


class CloudOnly:
    """A class of v1 whose objects only its cloud could make.

    Calling the class, or anything of it, raises; ``instead`` of a subclass is what to use.
    """

    instead = "runs, data and models are kept on machines of your own"

    def __init__(self, *_: Any, **__: Any) -> None:
        refuse(type(self).__name__, self.instead)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)

        def refused(name: str) -> Any:
            return staticmethod(lambda *_, **__: refuse(f"{cls.__name__}.{name}", cls.instead))

        for name in getattr(cls, "members", ()):
            setattr(cls, name, refused(name))
