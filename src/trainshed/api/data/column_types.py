"""Types of columns of tabular datasets, and their conversion with pandas."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from typing import Any

from trainshed.errors import UserErrorException

_TRUE, _FALSE = ("true", "t", "yes", "y", "1", "1.0"), ("false", "f", "no", "n", "0", "0.0")


class DataType:
    """The type of a column, for ``set_column_types``.

    Example:
        >>> types = {"day": DataType.to_datetime("%Y-%m-%d"), "rain": DataType.to_float()}
        >>> types["rain"]
        DataType(to_float)
    """

    def __init__(self, kind: str, **settings: Any) -> None:
        self._record = {"kind": kind, **settings}

    @staticmethod
    def to_bool(true_values: Any = None, false_values: Any = None, mismatch_as: str | None = None) -> DataType:
        """Return the type of true and false values.

        Args:
            true_values: texts of true values. Default: ``true``, ``t``, ``yes``, ``y`` and ``1`` in any case.
            false_values: texts of false values.
            mismatch_as: what other values become: ``"true"``, ``"false"``, or ``"error"``, a missing value.

        Raises:
            UserErrorException: only one of both lists is given, or ``mismatch_as`` is unknown.
        """
        if (true_values is None) != (false_values is None):
            raise UserErrorException("Pass both true_values and false_values, or none of them.")
        if str(mismatch_as or "error").lower() not in ("error", "true", "false"):
            raise UserErrorException(f"mismatch_as is {mismatch_as!r}: use 'true', 'false' or 'error'.")
        settings = {"true": _texts(true_values, _TRUE), "false": _texts(false_values, _FALSE)}
        return DataType("to_bool", **settings, mismatch=str(mismatch_as or "error").lower())

    @staticmethod
    def to_datetime(formats: Any = None) -> DataType:
        """Return the type of dates and times.

        Args:
            formats: formats such as ``"%Y-%m-%d"``; the first that fits is used. Default: recognized by pandas.
        """
        return DataType("to_datetime", formats=_texts(formats, ()))

    @staticmethod
    def to_float(decimal_mark: str = ".") -> DataType:
        """Return the type of decimal numbers.

        Args:
            decimal_mark: ``"."`` or ``","``.
        """
        return DataType("to_float", mark=decimal_mark)

    @staticmethod
    def to_long() -> DataType:
        """Return the type of whole numbers."""
        return DataType("to_long")

    @staticmethod
    def to_string() -> DataType:
        """Return the type of texts."""
        return DataType("to_string")

    @staticmethod
    def to_stream(workspace: Any, escaped: bool = False, allow_not_found: bool = False, **_: Any) -> DataType:
        """Raise an error: columns of files are not supported.

        Raises:
            UserErrorException: always.
        """
        raise UserErrorException(
            "Columns of files are not supported: read the paths as text, with DataType.to_string()."
        )

    def __repr__(self) -> str:
        return f"DataType({self._record['kind']})"


class PromoteHeadersBehavior(Enum):
    """Which lines of delimited files contain the names of columns, for ``header``."""

    NO_HEADERS = 0
    ONLY_FIRST_FILE_HAS_HEADERS = 1
    COMBINE_ALL_FILES_HEADERS = 2
    ALL_FILES_HAVE_SAME_HEADERS = 3


def to_record(column_types: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the types of columns as JSON, for a dataset's definition.

    Args:
        column_types: column → a DataType, or the name of a pandas dtype.
    """
    return {
        column: wanted._record if isinstance(wanted, DataType) else str(getattr(wanted, "name", wanted))
        for column, wanted in (column_types or {}).items()
    }


def read_as(types: Mapping[str, Any]) -> dict[str, Any]:
    """Return as which dtype pandas is to read columns of delimited files: as text if they are converted afterwards.

    Args:
        types: result of :func:`to_record`.
    """
    return {column: wanted if isinstance(wanted, str) else str for column, wanted in types.items()}


def convert(pandas: Any, frame: Any, types: Mapping[str, Any], on_error: str) -> Any:
    """Return a table with its columns converted.

    Args:
        pandas: the module.
        frame: the table.
        types: result of :func:`to_record`.
        on_error: ``"null"`` makes values that cannot be converted missing values; ``"fail"`` raises an error.

    Raises:
        UserErrorException: a column does not exist, or a value cannot be converted and ``on_error`` is ``"fail"``.
    """
    for column, wanted in types.items():
        if column not in frame.columns:
            raise UserErrorException(
                f"set_column_types: there is no column {column!r} in {', '.join(map(str, frame))}."
            )
        if isinstance(wanted, str):
            frame = frame.astype({column: wanted})
            continue
        given = frame[column]
        made = _CONVERSIONS[wanted["kind"]](pandas, given, wanted)
        wrong = given[made.isna() & given.notna()]
        if len(wrong) and on_error == "fail":
            raise UserErrorException(
                f"Column {column!r}: {wrong.iloc[0]!r} cannot be converted ({wanted['kind']}). "
                "on_error='null' makes such values missing values."
            )
        frame = frame.assign(**{column: made})
    return frame


def _texts(given: Any, default: Sequence[str]) -> list[str]:
    if given is None:
        return list(default)
    each: Iterable[Any] = [given] if isinstance(given, (str, bool, int)) else given
    return [str(value) for value in each]


def _to_bool(pandas: Any, values: Any, wanted: Mapping[str, Any]) -> Any:
    other = {"true": True, "false": False, "error": None}[wanted["mismatch"]]
    known = {text.lower(): value for value, name in ((True, "true"), (False, "false")) for text in wanted[name]}
    made = values.map(lambda value: None if pandas.isna(value) else known.get(str(value).strip().lower(), other))
    return made.astype(bool) if made.notna().all() else made.astype(object)


def _to_datetime(pandas: Any, values: Any, wanted: Mapping[str, Any]) -> Any:
    made = None
    any_format = "mixed" if int(pandas.__version__.partition(".")[0]) > 1 else None
    for text in wanted["formats"] or (any_format,):
        found = pandas.to_datetime(values, format=text, errors="coerce")
        made = found if made is None else made.fillna(found)
    return made


def _to_float(pandas: Any, values: Any, wanted: Mapping[str, Any]) -> Any:
    if wanted["mark"] != ".":
        values = values.map(lambda value: value.replace(wanted["mark"], ".") if isinstance(value, str) else value)
    return pandas.to_numeric(values, errors="coerce").astype("float64")


def _to_long(pandas: Any, values: Any, _: Mapping[str, Any]) -> Any:
    made = pandas.to_numeric(values, errors="coerce")
    made = made.where(made == made.round())
    return made.astype("int64") if made.notna().all() else made.astype("float64")


def _to_string(_: Any, values: Any, __: Mapping[str, Any]) -> Any:
    return values.map(str, na_action="ignore").astype(object)


_CONVERSIONS = {
    "to_bool": _to_bool,
    "to_datetime": _to_datetime,
    "to_float": _to_float,
    "to_long": _to_long,
    "to_string": _to_string,
}
