"""What a script hands to the logging calls, as values that a journal can hold."""

from trainshed.runtime import errors

PLAIN = (float, int, str, bool)
MOST_STEPS = 1 << 63
"""Steps are kept as whole numbers of 64 bits."""
_LONGEST_INT = 10_000  # bits; Python refuses to read longer ones from text


def metric_name(name: object) -> str:
    """Return ``name`` if it can name a metric.

    Raises:
        UserErrorException: no string, or an empty one.
    """
    if not isinstance(name, str) or not name:
        raise errors.UserErrorException(f"A metric's name is a non-empty string, not {name!r}.")
    return name


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
    raise errors.UserErrorException(f"run.log(…, step={shown(step)}): a step is a whole number, of 64 bits at most.")


def scalar(value: object, name: str) -> object:
    """Return ``value`` as float, int, str or bool.

    NumPy scalars and anything else with ``item()`` (a tensor of one element) are converted; what cannot be is kept as
    its ``repr`` with a warning on standard error, as v1 did.

    Args:
        value: what was logged.
        name: the metric, for the message.

    Raises:
        UserErrorException: many values at once; ``log_list`` takes these.
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
                f"Metric '{name}' was given a {type(value).__name__} where one number, string or bool is due; "
                "use run.log_list for a list, run.log_row or run.log_table for a table."
            )
        plain = _plain(_converted(value, "__float__"))
    if plain is None:
        errors.warn(f"metric '{name}' was given a {type(value).__name__}; its text is kept.")
        plain = shown(value)
    return plain


def shown(value: object) -> str:
    """Return the text of a value; Python itself refuses to print a very long whole number in the usual way."""
    return hex(value) if isinstance(value, int) and not _short(value) else repr(value)


def _short(value: int) -> bool:
    return value.bit_length() <= _LONGEST_INT


def _many(value: object) -> bool:
    """Tell whether ``value`` is many values; v1 kept the text of a dict, a set or bytes instead."""
    if isinstance(value, (list, tuple, range)) or hasattr(value, "__next__"):
        return True
    return hasattr(value, "tolist") and getattr(value, "shape", None) != ()


def _plain(value: object) -> object:
    """Return a value of a plain type, or None; a subclass (numpy.float64 is one) would print in its own way."""
    if isinstance(value, int) and not isinstance(value, bool) and not _short(value):
        return None
    for kind in (bool, int, float, str):
        if isinstance(value, kind):
            return kind(value)
    return None


def _converted(value: object, method: str) -> object:
    """Return what ``value.method()`` gives, or None if it has none or cannot."""
    convert = getattr(value, method, None)
    if not callable(convert):
        return None
    try:
        return convert()
    except (TypeError, ValueError, ArithmeticError, RuntimeError):
        return None


def scalars(values: object, name: str) -> "list[object]":
    """Return the values of a list metric, each as :func:`scalar` does.

    Raises:
        UserErrorException: not a list.
    """
    listed = _converted(values, "tolist")
    values = values if listed is None else listed
    if isinstance(values, (str, bytes, dict)) or not hasattr(values, "__iter__"):
        raise errors.UserErrorException(f"Metric '{name}' was given a {type(values).__name__} where a list is due.")
    return [scalar(value, name) for value in values]


def columns(table: object, name: str) -> "dict[str, object]":
    """Return a table metric as column → list, or column → scalar when every column is one.

    Raises:
        UserErrorException: no dict, or columns of different lengths.
    """
    if not isinstance(table, dict):
        raise errors.UserErrorException(f"Metric '{name}' was given a {type(table).__name__} where a dict is due.")
    made: "dict[str, object]" = {}
    for key, cells in table.items():
        many = hasattr(cells, "__iter__") and not isinstance(cells, (str, bytes, dict))
        # A tensor without dimensions has __iter__, and cannot be iterated over.
        single = not many or getattr(cells, "shape", None) == ()
        made[str(key)] = scalar(cells, name) if single else scalars(cells, name)
    if len({len(cells) if isinstance(cells, list) else -1 for cells in made.values()}) > 1:
        raise errors.UserErrorException(f"Table '{name}' was given columns of different lengths.")
    return made
