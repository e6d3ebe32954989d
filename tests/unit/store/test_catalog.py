from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from trainshed.errors import NotFoundException, UserErrorException
from trainshed.store.catalog import Catalog
from trainshed.store.database import Database


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    database = Database(tmp_path / "h.db")
    yield Catalog(database)
    database.close()


def test_versions_count_from_one_for_each_name(catalog: Catalog) -> None:
    first = catalog.add("model", "iris", {"record": {"path": "a"}, "tags": {"k": 1}}, 1.0)
    assert (first["version"], first["record"], first["tags"], first["created"]) == (1, {"path": "a"}, {"k": "1"}, 1.0)
    assert catalog.add("model", "iris", {"record": {"path": "b"}}, 2.0)["version"] == 2
    assert catalog.add("model", "other", {}, 3.0)["version"] == 1
    assert catalog.add("dataset", "iris", {}, 4.0)["version"] == 1
    assert catalog.get("model", "iris")["record"] == {"path": "b"}
    assert catalog.get("model", "iris", 1)["record"] == {"path": "a"}


def test_newest_come_first_and_latest_keeps_one_of_each_name(catalog: Catalog) -> None:
    for moment, name in enumerate(["a", "b", "a"]):
        catalog.add("model", name, {}, float(moment))
    assert [(e["name"], e["version"]) for e in catalog.list("model")] == [("a", 2), ("b", 1), ("a", 1)]
    assert [(e["name"], e["version"]) for e in catalog.list("model", latest=True)] == [("a", 2), ("b", 1)]
    assert [e["version"] for e in catalog.list("model", "a")] == [2, 1]


def test_a_deleted_version_is_gone_and_its_number_stays_used(catalog: Catalog) -> None:
    catalog.add("model", "a", {}, 1.0)
    catalog.delete("model", "a", 1)
    with pytest.raises(NotFoundException, match="no model 'a'"):
        catalog.get("model", "a")
    assert catalog.list("model") == []
    assert catalog.add("model", "a", {}, 2.0)["version"] == 2
    with pytest.raises(NotFoundException, match="no version 1 of model 'a'; the newest is 2"):
        catalog.delete("model", "a", 1)


def test_only_what_is_given_changes(catalog: Catalog) -> None:
    catalog.add("model", "a", {"record": {"x": 1}, "tags": {"t": "1"}, "properties": {"p": "1"}}, 1.0)
    changed = catalog.change("model", "a", 1, {"tags": {"u": "2"}})
    assert (changed["record"], changed["tags"], changed["properties"]) == ({"x": 1}, {"u": "2"}, {"p": "1"})
    with pytest.raises(NotFoundException):
        catalog.change("model", "a", 7, {"tags": {}})


@pytest.mark.parametrize("name", ["", " ", "a/b", ".hidden", "a\nb", "x" * 256])
def test_a_name_must_be_usable(catalog: Catalog, name: str) -> None:
    with pytest.raises(UserErrorException, match="Invalid model name"):
        catalog.add("model", name, {}, 1.0)


def test_unknown_kinds_and_names_are_told(catalog: Catalog) -> None:
    with pytest.raises(UserErrorException, match="no catalog 'picture'"):
        catalog.add("picture", "a", {}, 1.0)
    catalog.add("model", "iris", {}, 1.0)
    with pytest.raises(NotFoundException, match="Did you mean 'iris'"):
        catalog.get("model", "irsi")
