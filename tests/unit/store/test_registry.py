from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from trainshed.errors import NotFoundException, UserErrorException
from trainshed.store.database import Database
from trainshed.store.registry import Registry


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    database = Database(tmp_path / "h.db")
    yield Registry(database)
    database.close()


def test_records_are_kept_by_kind_and_name(registry: Registry) -> None:
    registry.put("target", "b", {"slots": 1})
    registry.put("target", "a", {"slots": 2})
    registry.put("datastore", "a", {"path": "/ü"})
    assert registry.list("target") == [{"slots": 2}, {"slots": 1}]
    assert registry.get("datastore", "a") == {"path": "/ü"}
    registry.delete("target", "a")
    registry.delete("target", "a")
    assert registry.list("target") == [{"slots": 1}]


def test_overwriting_is_a_choice(registry: Registry) -> None:
    registry.put("target", "a", {"slots": 1})
    registry.put("target", "a", {"slots": 2})
    with pytest.raises(UserErrorException, match="already"):
        registry.put("target", "a", {"slots": 3}, overwrite=False)
    assert registry.get("target", "a") == {"slots": 2}


@pytest.mark.parametrize("name", ["", "a b", "../x", "-a", "' OR 1=1--", "a" * 256])
def test_names_that_cannot_be_used(registry: Registry, name: str) -> None:
    with pytest.raises(UserErrorException, match="Use letters"):
        registry.put("target", name, {})


def test_what_is_not_there_is_said_with_the_nearest(registry: Registry) -> None:
    registry.put("target", "cluster", {})
    with pytest.raises(NotFoundException, match=r"Available: cluster\. Did you mean 'cluster'"):
        registry.get("target", "clutser")
