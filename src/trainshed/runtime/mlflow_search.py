"""Searches as MLflow's clients ask for them: filters, orders and pages."""

import re

from trainshed.runtime.mlflow_words import invalid

TYPE_CHECKING = False  # type checkers treat it like typing.TYPE_CHECKING, and the import is saved
if TYPE_CHECKING:
    from typing import Any, Callable, Iterable, Mapping, Sequence, TypeVar

    Item = TypeVar("Item")
    Fields = Mapping[str, Any]
    Condition = tuple[str, str, str, Any]

METRIC, PARAM, TAG, ATTRIBUTE, DATASET = "metric", "parameter", "tag", "attribute", "dataset"
_KINDS = {
    **dict.fromkeys(("metric", "metrics"), METRIC),
    **dict.fromkeys(("parameter", "parameters", "param", "params"), PARAM),
    **dict.fromkeys(("tag", "tags"), TAG),
    **dict.fromkeys(("attribute", "attributes", "attr", "run"), ATTRIBUTE),
    **dict.fromkeys(("dataset", "datasets"), DATASET),
}
_ALIASES = {"created": "start_time", "Created": "start_time"}
_ALIASES.update(dict.fromkeys(("run name", "Run name", "Run Name"), "run_name"))
_KEY = r"""(?:`[^`]+`|"[^"]+"|[^\s=!<>()'"`,]+)"""
_TEXT = r"""(?:'[^']*'|"[^"]*")"""
_COMPARISON = re.compile(
    rf"""\s*(?P<name>(?:[\w]+\s*\.\s*)?{_KEY}(?:\.{_KEY})*)\s*
    (?:(?P<null>IS\s+(?:NOT\s+)?NULL)
    |(?P<sign>!=|<=|>=|<>|=|<|>|NOT\s+IN\b|IN\b|LIKE\b|ILIKE\b)\s*
     (?P<value>{_TEXT}|[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|\([^)]*\)))\s*(?P<more>AND\s|$)""",
    re.VERBOSE | re.IGNORECASE,
)
_ORDER = re.compile(rf"\s*(?P<name>(?:\w+\s*\.\s*)?{_KEY}(?:\.{_KEY})*)(?:\s+(?P<way>asc|desc))?\s*", re.IGNORECASE)
_ORDERING = ("=", "!=", "<", "<=", ">", ">=")
_EQUAL = ("=", "!=", "LIKE", "ILIKE")
_LISTS = ("IN", "NOT IN")
_NULLS = ("IS NULL", "IS NOT NULL")
_SIGNS = {METRIC: _ORDERING, PARAM: _EQUAL + _NULLS, TAG: _EQUAL + _NULLS, DATASET: _EQUAL + _LISTS}
_LONGEST = 20_000
_MOST = 100
_INFINITY = float("inf")


class Searched:
    """A kind of things that can be searched.

    Args:
        texts: their attributes that are texts.
        numbers: their attributes that are numbers.
        kinds: what else they have: ``"metric"``, ``"parameter"``, ``"tag"``, ``"dataset"``.
    """

    def __init__(self, texts: "Sequence[str]", numbers: "Sequence[str]", kinds: "Sequence[str]") -> None:
        self._texts, self._numbers = frozenset(texts), frozenset(numbers)
        self._kinds = frozenset(kinds) | {ATTRIBUTE}

    def filter(self, text: "str | None") -> "Callable[[Fields], bool]":
        """Return what tells whether something passes a filter.

        Args:
            text: such as ``metrics.acc > 0.9 AND params.model = 'tree'``; without one, all pass.

        Raises:
            Refused: it cannot be understood.
        """
        conditions = self.conditions(text)
        return lambda fields: all(_holds(fields, each) for each in conditions)

    def conditions(self, text: "str | None") -> "list[Condition]":
        """Return the conditions of a filter: kind, key, sign, value; parameters as for :meth:`filter`."""
        made: "list[Condition]" = []
        rest, more = (text or "")[:_LONGEST].strip(), ""
        while rest or more:
            found = _COMPARISON.match(rest)
            if found is None or len(made) >= _MOST:
                raise invalid(
                    f"Invalid clause(s) in filter string: {rest[:200]!r}. Use comparisons joined by AND, such as "
                    "metrics.acc > 0.9 AND params.model = 'tree'."
                )
            made.append(self._condition(found))
            rest, more = rest[found.end() :], found.group("more")
        return made

    def _condition(self, found: "re.Match[str]") -> "Condition":
        kind, key = self._named(found.group("name"))
        sign = " ".join((found.group("null") or found.group("sign")).upper().split()).replace("<>", "!=")
        numeric = kind == METRIC or (kind == ATTRIBUTE and key in self._numbers)
        signs = _ORDERING if numeric else _SIGNS.get(kind, _EQUAL + _LISTS)
        if sign not in signs:
            raise invalid(f"Invalid comparator '{sign}' not one of {', '.join(signs)}.")
        return kind, key, sign, _value(kind, key, sign, found.group("value") or "", numeric)

    def _named(self, name: str, orders: bool = False) -> "tuple[str, str]":
        first, dot, rest = name.partition(".")
        kind, key = (_KINDS.get(first.strip().strip("`"), ""), rest.strip()) if dot else (ATTRIBUTE, name)
        if kind not in self._kinds or (orders and kind == DATASET):
            raise invalid(f"Invalid entity type '{first.strip()}'. Valid values are {', '.join(sorted(self._kinds))}.")
        key = key[1:-1] if key[:1] in "`\"'" and key[-1:] == key[:1] else key
        key = _ALIASES.get(key, key) if kind == ATTRIBUTE else key
        valid = {ATTRIBUTE: self._texts | self._numbers, DATASET: frozenset(("name", "digest", "context"))}.get(kind)
        if valid is not None and key not in valid:
            raise invalid(f"Invalid {kind} key '{key[:100]}' specified. Valid keys are {', '.join(sorted(valid))}.")
        return kind, key

    def orders(self, texts: "Sequence[Any]") -> "list[tuple[str, str, bool]]":
        """Return an order, such as ``["metrics.acc DESC"]``: kind, key, and whether it ascends.

        Raises:
            Refused: it cannot be understood.
        """
        made = []
        for text in texts:
            found = _ORDER.fullmatch(text[:_LONGEST]) if isinstance(text, str) else None
            if found is None:
                raise invalid(f"Invalid order_by clause {str(text)[:100]!r}. Could not be parsed.")
            kind, key = self._named(found.group("name"), orders=True)
            made.append((kind, key, (found.group("way") or "asc").lower() == "asc"))
        return made


def fields_of(run: "Mapping[str, Any]") -> "dict[str, Any]":
    """Return the fields of a run, as it is shown."""
    data = run["data"]
    lists = ((METRIC, "metrics"), (PARAM, "params"), (TAG, "tags"))
    made: "dict[str, Any]" = {kind: {each["key"]: each["value"] for each in data[name]} for kind, name in lists}
    made[METRIC] = {key: float(value) for key, value in made[METRIC].items()}
    return {**made, ATTRIBUTE: run["info"]}


def ordered(
    items: "Iterable[Item]", fields: "Callable[[Item], Fields]", orders: "list[tuple[str, str, bool]]"
) -> "list[Item]":
    """Return things in an order; what lacks a value comes last. Equals stay in the order that they have.

    Args:
        items: the things.
        fields: returns the fields of one.
        orders: the order.
    """
    made = [(fields(item), item) for item in items]
    for kind, key, ascends in reversed(orders):
        made.sort(key=lambda pair: _rank(pair[0], kind, key, ascends), reverse=not ascends)
    return [item for _, item in made]


def _rank(fields: "Fields", kind: str, key: str, ascends: bool) -> "tuple[bool, bool, Any]":
    value = (fields.get(kind) or {}).get(key)
    nan = isinstance(value, float) and value != value  # noqa: PLR0124 - NaN alone
    lacks = value is None or nan
    # Things are never compared with others of another type: those that lack a value are equal to each other.
    return lacks == ascends, (value is None) == ascends, "" if lacks else value


def page(items: "Sequence[Item]", given: "Mapping[str, Any]", most: int, usual: int) -> "tuple[Sequence[Item], str]":
    """Return a page of things, and the token of the next one; ``""`` if there is none.

    Args:
        items: all of them.
        given: the fields of a request, ``max_results`` and ``page_token``.
        most: the largest number on a page.
        usual: the number on a page if none is asked for.

    Raises:
        Refused: no such page.
    """
    first, size = window(given, most, usual)
    return items[first : first + size], str(first + size) if first + size < len(items) else ""


def window(given: "Mapping[str, Any]", most: int, usual: int) -> "tuple[int, int]":
    """Return the place of the first thing on a page, and the number on it; parameters as for :func:`page`."""
    size = usual if given.get("max_results") is None else given["max_results"]
    if not 0 < size <= most:
        raise invalid(f"Invalid value {size} for parameter 'max_results' supplied: it must be between 1 and {most}.")
    token = str(given.get("page_token") or "0")
    if not (token.isascii() and token.isdigit() and len(token) < 16):
        raise invalid(f"Invalid page token {token[:40]!r}. Use one that a search has returned.")
    return int(token), size


def _value(kind: str, key: str, sign: str, text: str, numeric: bool) -> "Any":
    quoted = text[:1] in ("'", '"')
    if sign in _NULLS:
        return None
    if numeric:
        if quoted or text[:1] == "(":
            raise invalid(f"Expected numeric value type for {kind} '{key[:100]}'. Found {text[:100]}.")
        return float(text)
    if sign in _LISTS:
        listed = re.findall(_TEXT, text)
        if text[:1] != "(" or not listed or re.sub(_TEXT, "", text).strip("() \t\n,"):
            raise invalid(f"Expected a list of quoted string values for {kind} '{key[:100]}'. Found {text[:100]}.")
        return [each[1:-1] for each in listed]
    if not quoted:
        raise invalid(f"Expected a quoted string value for {kind} '{key[:100]}' (e.g. 'my-value'). Found {text[:100]}.")
    return _pattern(text[1:-1], sign) if sign in ("LIKE", "ILIKE") else text[1:-1]


def _pattern(text: str, sign: str) -> "re.Pattern[str]":
    parts = (".*" if mark == "%" else "." if mark == "_" else re.escape(mark) for mark in re.sub("%+", "%", text))
    return re.compile("".join(parts), re.DOTALL | (re.IGNORECASE if sign == "ILIKE" else 0))


def _holds(fields: "Fields", condition: "Condition") -> bool:
    kind, key, sign, wanted = condition
    if kind == DATASET:
        return any(_compared(each.get(key), sign, wanted) for each in fields.get(DATASET) or ())
    return _compared((fields.get(kind) or {}).get(key), sign, wanted)


def _compared(value: "Any", sign: str, wanted: "Any") -> bool:
    if sign in _NULLS:
        return (value is None) == (sign == "IS NULL")
    if value is None:
        return False
    return bool(_TESTS[sign](value, wanted))


_TESTS: "dict[str, Callable[[Any, Any], Any]]" = {
    "=": lambda value, wanted: value == wanted,
    "!=": lambda value, wanted: value != wanted,
    "<": lambda value, wanted: value < wanted,
    "<=": lambda value, wanted: value <= wanted,
    ">": lambda value, wanted: value > wanted,
    ">=": lambda value, wanted: value >= wanted,
    "LIKE": lambda value, wanted: wanted.fullmatch(value),
    "ILIKE": lambda value, wanted: wanted.fullmatch(value),
    "IN": lambda value, wanted: value in wanted,
    "NOT IN": lambda value, wanted: value not in wanted,
}
RUNS = Searched(
    ("run_id", "run_name", "user_id", "status", "artifact_uri", "experiment_id", "lifecycle_stage"),
    ("start_time", "end_time"),
    (METRIC, PARAM, TAG, DATASET),
)
EXPERIMENTS = Searched(("name", "experiment_id"), ("creation_time", "last_update_time"), (TAG,))
MODELS = Searched(("name",), ("timestamp", "last_updated_timestamp", "creation_timestamp"), (TAG,))
VERSIONS = Searched(
    ("name", "run_id", "source_path"),
    ("version_number", "creation_timestamp", "last_updated_timestamp"),
    (TAG,),
)
LOGGED_MODELS = Searched(
    ("name", "model_id", "model_type", "status", "source_run_id", "experiment_id"),
    ("creation_timestamp", "creation_time", "last_updated_timestamp", "last_updated_time"),
    (METRIC, PARAM, TAG),
)
