"""What a script hands to the logging calls, as values that a journal can hold."""

import sys

PLAIN = (float, int, str, bool)


class UserErrorException(Exception):
    """The script called a logging function wrongly. The same name as on the submitting side."""

    def __init__(self, message: str = "") -> None:
        super().__init__(message)
        self.message = message


class RunEnvironmentException(Exception):
    """There is no current run here, or it cannot do what was asked."""

    def __init__(self, message: str = "") -> None:
        super().__init__(message)
        self.message = message


def metric_name(name: object) -> str:
    """Return ``name`` if it can name a metric.

    Raises:
        UserErrorException: no string, or an empty one.
    """
    if not isinstance(name, str) or not name:
        raise UserErrorException(f"A metric's name is a non-empty string, not {name!r}.")
    return name


def scalar(value: object, name: str) -> object:
    """Return ``value`` as float, int, str or bool.

    NumPy scalars and anything else with ``item()`` (a tensor of one element) are converted; what cannot be is kept as
    its ``repr`` with a warning on standard error, as v1 did.

    Args:
        value: what was logged.
        name: the metric, for the message.

    Raises:
        UserErrorException: a list or another collection; ``log_list`` takes these.
    """
    if isinstance(value, PLAIN):
        # A subclass (numpy.float64 is a float) would print itself in its own way.
        return next(kind(value) for kind in (bool, int, float, str) if isinstance(value, kind))
    item = getattr(value, "item", None)
    if callable(item):
        try:
            return scalar(item(), name)
        except (ValueError, TypeError, RuntimeError):
            pass
    if isinstance(value, (list, tuple, set, dict, range)) or hasattr(value, "__next__") or hasattr(value, "__len__"):
        raise UserErrorException(
            f"run.log('{name}', …) takes one number, string or bool, not a {type(value).__name__}; "
            "use run.log_list for a list, run.log_row or run.log_table for a table."
        )
    if hasattr(value, "__float__"):
        return float(value)
    sys.stderr.write(f"trainshed: metric '{name}' was given a {type(value).__name__}; its text is kept.\n")
    return repr(value)


def scalars(values: object, name: str) -> "list[object]":
    """Return the values of a list metric, each as :func:`scalar` does.

    Raises:
        UserErrorException: not a list.
    """
    tolist = getattr(values, "tolist", None)
    if callable(tolist):
        values = tolist()
    if isinstance(values, (str, bytes, dict)) or not hasattr(values, "__iter__"):
        raise UserErrorException(f"run.log_list('{name}', …) takes a list, not a {type(values).__name__}.")
    return [scalar(value, name) for value in values]


def columns(table: object, name: str) -> "dict[str, object]":
    """Return a table metric as column → list, or column → scalar when every column is one.

    Raises:
        UserErrorException: no dict, or columns of different lengths.
    """
    if not isinstance(table, dict):
        raise UserErrorException(f"run.log_table('{name}', …) takes a dict of columns, not a {type(table).__name__}.")
    made = {
        str(key): scalar(cells, name) if isinstance(cells, PLAIN) or hasattr(cells, "item") else scalars(cells, name)
        for key, cells in table.items()
    }
    if len({len(cells) for cells in made.values() if isinstance(cells, list)}) > 1:
        raise UserErrorException(f"run.log_table('{name}', …): the columns have different lengths.")
    return made
