"""Conditions on the columns of a table: ``table.filter((table["age"] > 30) & ~table["name"].is_null())``.

In the definition of a dataset a condition is JSON: ``["column", name]``, ``["value", value]``, ``["time", ISO 8601]``,
or an operation with its operands, ``["gt", left, right]``.
"""

from __future__ import annotations

import datetime as dt
import operator
from collections.abc import Callable
from typing import Any

from trainshed.errors import UserErrorException

_COMPARISONS = ("eq", "ne", "lt", "le", "gt", "ge")
_ARITHMETIC = ("add", "sub", "mul", "truediv")
_LOGIC = ("and_", "or_", "invert")
_OPERATIONS: dict[str, Callable[..., Any]] = {
    **{name: getattr(operator, name) for name in (*_COMPARISONS, *_ARITHMETIC, *_LOGIC)},
    "is_null": lambda values: values.isna(),
}


def _operator(name: str, reflected: bool = False) -> Callable[[ColumnExpression, Any], ColumnExpression]:
    def combined(self: ColumnExpression, other: Any) -> ColumnExpression:
        pair = (operand(other), self._tree) if reflected else (self._tree, operand(other))
        return ColumnExpression([name, *pair])

    return combined


class ColumnExpression:
    """A column of a table, or what is computed from columns. Combine conditions with ``&``, ``|`` and ``~``.

    Args:
        tree: the expression as JSON.

    Example:
        >>> dry = table["rain"] < 0.1
        >>> type(table.filter(dry & (table["day"] != 1))).__name__
        'TabularDataset'
    """

    def __init__(self, tree: list[Any]) -> None:
        self._tree = tree

    __eq__ = _operator("eq")  # type: ignore[assignment]
    __ne__ = _operator("ne")  # type: ignore[assignment]
    __lt__ = _operator("lt")
    __le__ = _operator("le")
    __gt__ = _operator("gt")
    __ge__ = _operator("ge")
    __and__ = __rand__ = _operator("and_")
    __or__ = __ror__ = _operator("or_")
    __add__ = _operator("add")
    __radd__ = _operator("add", reflected=True)
    __sub__ = _operator("sub")
    __rsub__ = _operator("sub", reflected=True)
    __mul__ = __rmul__ = _operator("mul")
    __truediv__ = _operator("truediv")
    __rtruediv__ = _operator("truediv", reflected=True)
    __hash__ = None  # type: ignore[assignment]

    def __invert__(self) -> ColumnExpression:
        return ColumnExpression(["invert", self._tree])

    def is_null(self) -> ColumnExpression:
        """Return a condition that is true where the value is missing."""
        return ColumnExpression(["is_null", self._tree])

    def __bool__(self) -> bool:
        raise UserErrorException(
            "A condition on a column is true or false for each row. Combine conditions with & | ~, each in "
            "parentheses, instead of 'and', 'or', 'not'."
        )

    def __repr__(self) -> str:
        return f"ColumnExpression({self._tree!r})"


def operand(value: Any) -> list[Any]:
    """Convert a value in an expression to JSON.

    Args:
        value: a ColumnExpression, a number, a string, a bool, None, or a date or time.

    Raises:
        UserErrorException: it is something else.

    Example:
        >>> operand(3)
        ['value', 3]
    """
    if isinstance(value, ColumnExpression):
        return value._tree
    if not isinstance(value, dt.date) and hasattr(value, "item"):
        value = value.item()  # a NumPy scalar
    if isinstance(value, dt.date):  # a datetime is a date, too
        return ["time", value.isoformat()]
    if value is None or isinstance(value, (bool, int, float, str)):
        return ["value", value]
    raise UserErrorException(
        f"A column can be compared with numbers, strings, times and other columns, not with {type(value).__name__}."
    )


def evaluate(pandas: Any, frame: Any, tree: Any, column: Callable[[Any, str], Any]) -> Any:
    """Return the values of an expression for each row of a table.

    Args:
        pandas: the module.
        frame: the table, a DataFrame.
        tree: the expression as JSON.
        column: called with the table and a name; returns the column.

    Raises:
        UserErrorException: the columns do not support the operation.
    """
    name, *given = tree
    if name == "column":
        return column(frame, given[0])
    if name == "value":
        return given[0]
    if name == "time":
        return pandas.Timestamp(given[0])
    values = [evaluate(pandas, frame, each, column) for each in given]
    if name in _COMPARISONS and any(isinstance(each, pandas.Timestamp) for each in values):
        values = [times(pandas, each, "A column that is compared with a time", utc=True) for each in values]
    try:
        return _OPERATIONS[name](*values)
    except TypeError as error:
        raise UserErrorException(f"The rows cannot be filtered by this condition: {error}.") from error


def times(pandas: Any, values: Any, what: str, utc: bool) -> Any:
    """Convert values to times.

    Args:
        pandas: the module.
        values: a column or a single time.
        what: name of the values for the error message.
        utc: convert to UTC, so that times with and without a time zone can be compared. Without one they are UTC.

    Raises:
        UserErrorException: they are no times.
    """
    import warnings

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # the format varies
            return pandas.to_datetime(values, utc=utc)
    except (ValueError, TypeError) as error:
        raise UserErrorException(f"{what} does not contain times: {error}") from error
