"""What the nested objects of a run configuration have in common: settings by name, and their form in a file."""

from __future__ import annotations

import os

from trainshed.client.notice import warn
from trainshed.errors import TYPE_CHECKING, UserErrorException, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, ClassVar

    from typing_extensions import Self

_KINDS = {bool: "true or false", int: "a whole number", str: "text", list: "a list", dict: "a mapping"}


class Section:
    """A bag of settings that tells of a setting it does not know, and keeps it all the same.

    Scripts of 2018 set names that never were (``run_config.prepare_environment = True``) and must go on working.

    Example:
        >>> config = RunConfiguration()
        >>> config.node_count = 2
        >>> config.docker
        DockerConfiguration(use_docker=False, shared_volumes=True, arguments=[], shm_size='2g')
    """

    _READERS: ClassVar[Mapping[str, Callable[[dict[str, Any], str], Any]]] = {}
    """Name of a setting → how its mapping in a file is read, where it is more than plain data."""
    _HIDDEN: ClassVar[tuple[str, ...]] = ()
    """Settings of a file that are attributes with a ``_`` in front."""
    _complete = False

    def _seal(self) -> None:
        """Call at the end of ``__init__``: from now on a new name is a mistake."""
        object.__setattr__(self, "_complete", True)

    def __setattr__(self, name: str, value: Any) -> None:
        """Set a setting."""
        if self._complete and not name.startswith("_") and not hasattr(self, name):
            known = [each for each in dir(self) if not each.startswith("_")]
            warn(f"{type(self).__name__}: no setting '{name}'; stored without effect.{did_you_mean(name, known)}")
        object.__setattr__(self, name, value)

    def _settings(self) -> dict[str, Any]:
        """Return the settings by the names that users know them by."""
        return {name: value for name, value in vars(self).items() if not name.startswith("_")}

    def _copy(self) -> Self:
        """Return a copy that shares what is inside, as :func:`copy.copy` would, whose module takes 2 ms to import."""
        made = object.__new__(type(self))
        vars(made).update(vars(self))
        return made

    def __repr__(self) -> str:
        settings = ", ".join(f"{name}={value!r}" for name, value in self._settings().items())
        return f"{type(self).__name__}({settings})"


def camel(name: str) -> str:
    """Return the name of a setting as v1's files have it.

    Example:
        >>> camel("node_count")
        'nodeCount'
    """
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def _snake(name: str) -> str:
    import re  # only who reads a file needs it

    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower()


def plain(value: Any, where: str) -> Any:
    """Return a value in the types of JSON and YAML: a section by its settings, a data reference by its name.

    Args:
        value: the value; passwords in it are left out.
        where: how an error calls it.

    Raises:
        UserErrorException: a value that has no such form.

    Example:
        >>> plain(MpiConfiguration(2), "mpi")
        {'processCountPerNode': 2, 'nodeCount': 1}
    """
    from collections.abc import Mapping  # only who writes a file needs it

    if isinstance(value, Section):
        settings = value._settings().items()
        return {camel(name): plain(item, f"{where}.{name}") for name, item in settings if name != "password"}
    if isinstance(value, Mapping):
        return {str(key): plain(item, f"{where}[{key!r}]") for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item, f"{where}[{place}]") for place, item in enumerate(value)]
    if isinstance(value, os.PathLike) or hasattr(value, "data_reference_name"):
        return str(value)
    # Numbers of numpy and its like tell their plain value by item().
    bare = value.item() if hasattr(value, "item") else value
    if bare is None or isinstance(bare, (str, int, float)):
        return bare
    raise UserErrorException(f"{where} is a {type(value).__name__}, which cannot be written to a file. Set it in code.")


def fill(section: Section, said: Mapping[str, Any], where: str) -> None:
    """Set a section's settings to what was read; a name it does not know is kept with a warning.

    Raises:
        UserErrorException: a value of a wrong type; it is named.

    Example:
        >>> made = MpiConfiguration()
        >>> fill(made, {"processCountPerNode": 4}, "mpi")
        >>> made.process_count_per_node
        4
    """
    known = section._settings()
    for key, value in said.items():
        name, here = _snake(str(key)), f"{where}: {key}"
        now = known.get(name)
        if isinstance(now, Section) and (value is None or isinstance(value, dict)):
            fill(now, value or {}, here)
        elif name in section._READERS and isinstance(value, dict):
            setattr(section, name, section._READERS[name](value, here))
        elif name in section._HIDDEN:
            setattr(section, f"_{name}", value)
        else:
            setattr(section, name, _checked(now, value, here))


def _checked(now: Any, value: Any, where: str) -> Any:
    """Return what was read if it has the type of what is there by default."""
    if value is None:
        return now if isinstance(now, (bool, int, list, dict)) else None
    if now is None or type(value) is type(now):
        return value
    kind = "a mapping" if isinstance(now, Section) else _KINDS.get(type(now), type(now).__name__)
    raise UserErrorException(f"{where} must be {kind}, not {value!r}.")
