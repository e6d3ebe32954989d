"""Base class for the sections of a run configuration, and their conversion from and to files."""

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
    """Base class for a section of a run configuration.

    Setting an unknown attribute stores it and logs a warning instead of raising, because existing scripts set
    attributes that never existed (``run_config.prepare_environment = True``).

    Example:
        >>> config = RunConfiguration()
        >>> config.node_count = 2
        >>> config.docker
        DockerConfiguration(use_docker=False, shared_volumes=True, arguments=[], shm_size='2g')
    """

    _READERS: ClassVar[Mapping[str, Callable[[dict[str, Any], str], Any]]] = {}
    """Setting name → function that parses its mapping from a file, for settings that are not plain data."""
    _complete = False

    def _seal(self) -> None:
        """Warn about unknown attributes from now on. Call this at the end of ``__init__``."""
        object.__setattr__(self, "_complete", True)

    def __setattr__(self, name: str, value: Any) -> None:
        """Set an attribute; warn if it is unknown."""
        if self._complete and not name.startswith("_") and not hasattr(self, name):
            known = [each for each in dir(self) if not each.startswith("_")]
            warn(f"{type(self).__name__}: no setting '{name}'; stored without effect.{did_you_mean(name, known)}")
        object.__setattr__(self, name, value)

    def _settings(self) -> dict[str, Any]:
        """Return the public settings as a dict of name → value."""
        return {name: value for name, value in vars(self).items() if not name.startswith("_")}

    def _copy(self) -> Self:
        """Return a shallow copy. Importing :mod:`copy` would take 2 ms."""
        copied = object.__new__(type(self))
        vars(copied).update(vars(self))
        return copied

    def __repr__(self) -> str:
        settings = ", ".join(f"{name}={value!r}" for name, value in self._settings().items())
        return f"{type(self).__name__}({settings})"


def camel(name: str) -> str:
    """Convert a setting's name to camel case, as used in SDK v1 files.

    Example:
        >>> camel("node_count")
        'nodeCount'
    """
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def _snake(name: str) -> str:
    import re  # needed only when a file is read

    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower()


def plain(value: Any, where: str) -> Any:
    """Convert a value to types that JSON and YAML can represent.

    Sections become mappings of their settings, without passwords; data references become their names.

    Args:
        value: value to convert.
        where: name of the value for error messages.

    Raises:
        UserErrorException: the value cannot be converted.

    Example:
        >>> plain(MpiConfiguration(2), "mpi")
        {'processCountPerNode': 2, 'nodeCount': 1}
    """
    from collections.abc import Mapping  # needed only when a file is written

    if isinstance(value, Section):
        settings = value._settings().items()
        return {camel(name): plain(item, f"{where}.{name}") for name, item in settings if name != "password"}
    if isinstance(value, Mapping):
        return {str(key): plain(item, f"{where}[{key!r}]") for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item, f"{where}[{index}]") for index, item in enumerate(value)]
    if isinstance(value, os.PathLike) or hasattr(value, "data_reference_name"):
        return str(value)
    # item() converts a NumPy scalar, or a similar type, to a Python number.
    scalar = value.item() if hasattr(value, "item") else value
    if scalar is None or isinstance(scalar, (str, int, float)):
        return scalar
    raise UserErrorException(f"{where} is a {type(value).__name__}, which cannot be written to a file. Set it in code.")


def fill(section: Section, values: Mapping[str, Any], where: str) -> None:
    """Set a section's attributes from a mapping read from a file. Unknown names are stored with a warning.

    Args:
        section: section to modify.
        values: setting name in camel case → value.
        where: name of the section for error messages.

    Raises:
        UserErrorException: a value has the wrong type.

    Example:
        >>> mpi = MpiConfiguration()
        >>> fill(mpi, {"processCountPerNode": 4}, "mpi")
        >>> mpi.process_count_per_node
        4
    """
    known = section._settings()
    for key, value in values.items():
        name, path = _snake(str(key)), f"{where}: {key}"
        current = known.get(name)
        if isinstance(current, Section) and (value is None or isinstance(value, dict)):
            fill(current, value or {}, path)
        elif name in section._READERS and isinstance(value, dict):
            setattr(section, name, section._READERS[name](value, path))
        elif not hasattr(section, name) and not value:
            object.__setattr__(section, name, value)  # an empty setting of another release needs no warning
        else:
            setattr(section, name, _checked(current, value, path))


def _checked(default: Any, value: Any, where: str) -> Any:
    """Return the value if its type matches the default's; raise otherwise."""
    if value is None:
        return default if isinstance(default, (bool, int, list, dict)) else None
    if default is None or type(value) is type(default) or (isinstance(default, float) and type(value) is int):
        return value
    kind = "a mapping" if isinstance(default, Section) else _KINDS.get(type(default), type(default).__name__)
    raise UserErrorException(f"{where} must be {kind}, not {value!r}.")
