"""A record behaves as a named tuple."""

from __future__ import annotations

import copy
import pickle
from typing import NamedTuple

import pytest

from trainshed.spec.record import Record


class Ours(Record):
    """A record."""

    name: str
    size: int = 1


class Theirs(NamedTuple):
    """What it is like."""

    name: str
    size: int = 1


def test_as_a_named_tuple() -> None:
    ours, theirs = Ours("a", size=2), Theirs("a", size=2)
    assert tuple(ours) == tuple(theirs)
    assert (ours.name, ours.size) == ("a", 2)
    assert repr(ours) == repr(theirs).replace("Theirs", "Ours")
    assert ours == Ours(size=2, name="a")
    assert hash(ours) == hash(theirs)
    assert ours._replace(size=3) == Ours("a", 3)
    assert (Ours._fields, Ours._field_defaults) == (Theirs._fields, Theirs._field_defaults)
    assert copy.deepcopy(ours) == ours
    assert pickle.loads(pickle.dumps(ours)) == ours
    with pytest.raises(AttributeError):
        ours.name = "b"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("args", "kwargs"), [((), {}), (("a", 1, 2), {}), (("a",), {"name": "b"}), (("a",), {"length": 1})]
)
def test_fields_that_are_missing_or_too_many(args: tuple[object, ...], kwargs: dict[str, object]) -> None:
    for kind in (Ours, Theirs):
        with pytest.raises(TypeError):
            kind(*args, **kwargs)  # type: ignore[arg-type]
    with pytest.raises((TypeError, ValueError)):
        Ours("a")._replace(length=1)  # type: ignore[call-arg]
