"""Converts what a script passes to the logging methods into values that a journal can hold."""

from trainshed.runtime import errors

PLAIN = (float, int, str, bool)
MOST_STEPS = 1 << 63
"""Steps are stored as 64-bit integers."""
KEY_LIMIT = 250
VALUE_LIMIT = 6000
_LONGEST_INT = 10_000  # bits; Python refuses to parse longer integers from text


def metric_name(name: object) -> str:
    """Return ``name`` if it is a valid name for a metric.

    Raises:
        UserErrorException: not a string, or empty.
    """
    if not isinstance(name, str) or not name:
        raise errors.UserErrorException(f"A metric's name must be a non-empty string, not {name!r}.")
    return name


def label(key: object, value: object) -> "tuple[str, str | None]":
    """Return a tag or a property as text, if it is not too long.

    Raises:
        UserErrorException: a name that is not text, is empty or too long, or a value that is too long.
    """
    if not isinstance(key, str) or not key or len(key) > KEY_LIMIT:
        raise errors.UserErrorException(
            f"Invalid tag or property name {str(key)[:40]!r}. Use 1 to {KEY_LIMIT} characters."
        )
    text = None if value is None else str(value)
    if text is not None and len(text) > VALUE_LIMIT:
        raise errors.UserErrorException(
            f"The value of '{key}' has {len(text)} characters; the limit for tags and properties is {VALUE_LIMIT}."
        )
    return key, text


def step_number(step: object) -> "int | None":
    """Return ``step`` as a whole number, or None.

    Raises:
        UserErrorException: neither a whole number nor None.
    """
    if step is None:
        return step
    try:
        number = int(step)  # type: ignore[call-overload]
        if number == step and -MOST_STEPS <= number < MOST_STEPS:
            return int(number)
    except (TypeError, ValueError, OverflowError, RuntimeError):
        pass
    raise errors.UserErrorException(
        f"run.log(…, step={shown(step)}): a step must be a whole number of at most 64 bits."
    )


def scalar(value: object, name: str) -> object:
    """Return ``value`` as float, int, str or bool.

    NumPy scalars and anything else with ``item()`` (a tensor of one element) are converted; other values are stored as
    their ``repr`` with a warning on standard error, as in v1.

    Args:
        value: the logged value.
        name: the metric, for the message.

    Raises:
        UserErrorException: several values at once; ``log_list`` accepts these.
    """
    plain = _plain(value)
    if plain is not None:
        return plain
    item = _converted(value, "item")
    value = value if item is None else item
    plain = _plain(value)
    if plain is None:
        if _many(value):
            raise errors.UserErrorException(
                f"Metric '{name}' must be one number, string or bool, not a {type(value).__name__}; "
                "use run.log_list for a list, run.log_row or run.log_table for a table."
            )
        plain = _plain(_converted(value, "__float__"))
    if plain is None:
        errors.warn(f"metric '{name}' is a {type(value).__name__}; its text is stored.")
        plain = shown(value)
    return plain


def shown(value: object) -> str:
    """Return the text of a value; hexadecimal for very long integers, which Python refuses to print in decimal."""
    return hex(value) if isinstance(value, int) and not _short(value) else repr(value)


def _short(value: int) -> bool:
    return value.bit_length() <= _LONGEST_INT


def _many(value: object) -> bool:
    """Tell whether ``value`` has several elements; for a dict, a set or bytes, v1 stored the text instead."""
    if isinstance(value, (list, tuple, range)) or hasattr(value, "__next__"):
        return True
    return hasattr(value, "tolist") and getattr(value, "shape", None) != ()


def _plain(value: object) -> object:
    """Return a value of a plain type, or None; subclasses (numpy.float64) are converted, as they print differently."""
    if isinstance(value, int) and not isinstance(value, bool) and not _short(value):
        return None
    for kind in (bool, int, float, str):
        if isinstance(value, kind):
            return kind(value)
    return None


def _converted(value: object, method: str) -> object:
    """Return ``value.method()``, or None if there is no such method or it fails."""
    convert = getattr(value, method, None)
    if not callable(convert):
        return None
    try:
        return convert()
    except (TypeError, ValueError, ArithmeticError, RuntimeError):
        return None


def scalars(values: object, name: str) -> "list[object]":
    """Return the values of a list metric, each converted by :func:`scalar`.

    Raises:
        UserErrorException: not a list.
    """
    listed = _converted(values, "tolist")
    values = values if listed is None else listed
    if isinstance(values, (str, bytes, dict)) or not hasattr(values, "__iter__"):
        raise errors.UserErrorException(f"Metric '{name}' must be a list, not a {type(values).__name__}.")
    return [scalar(value, name) for value in values]


def columns(table: object, name: str) -> "dict[str, object]":
    """Return a table metric as column → list, or as column → scalar if every column is a scalar.

    Raises:
        UserErrorException: not a dict, or columns of different lengths.
    """
    if not isinstance(table, dict):
        raise errors.UserErrorException(f"Metric '{name}' must be a dict, not a {type(table).__name__}.")
    made: "dict[str, object]" = {}
    for key, cells in table.items():
        many = hasattr(cells, "__iter__") and not isinstance(cells, (str, bytes, dict))
        # A tensor without dimensions has __iter__ but cannot be iterated.
        single = not many or getattr(cells, "shape", None) == ()
        made[str(key)] = scalar(cells, name) if single else scalars(cells, name)
    if len({len(cells) if isinstance(cells, list) else -1 for cells in made.values()}) > 1:
        raise errors.UserErrorException(f"Table '{name}' has columns of different lengths.")
    return made
