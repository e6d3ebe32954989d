"""What the node makes of the definition of a dataset."""

from __future__ import annotations

import os
from pathlib import Path

from trainshed.data.dataset import LOCAL_PATHS, files, is_one_file, lay, on_this_machine, outside

WEB = {"url": "https://example.com/a[1].csv?b=c"}


def test_what_a_container_must_see_besides_datastores() -> None:
    places = [{"datastore": "store", "path": "a"}, WEB, {"path": "/data/a/*.csv"}, {"path": "/data/b.csv"}]
    assert outside({"paths": places}, "/home") == ["/home/web", "/data/a", "/data/b.csv"]


def test_files_that_were_sent_are_found_by_their_path_and_have_their_name(tmp_path: Path) -> None:
    stores = {LOCAL_PATHS: {"path": str(tmp_path)}}
    (tmp_path / "hash").mkdir()
    (tmp_path / "hash" / "a[1].csv").write_text("1")
    sent = {"datastore": LOCAL_PATHS, "path": "hash/a[1].csv", "name": "https/example.com/a[1].csv"}
    other = {"datastore": "store", "path": "b"}
    definition = on_this_machine({"type": "file", "paths": [sent], "steps": []}, stores)
    found = [(str(tmp_path / "hash" / "a[1].csv"), "https/example.com/a[1].csv")]
    assert files(definition, {}, lambda address: address) == found
    assert is_one_file(definition, {})
    assert on_this_machine({"paths": [other, WEB]}, stores)["paths"] == [other, WEB]


def test_a_file_on_the_web_is_one_file_whatever_its_address() -> None:
    definition = {"type": "file", "paths": [WEB], "steps": []}
    assert is_one_file(definition, {})
    assert files(definition, {}, lambda _: "/here") == [("/here", "https/example.com/a[1].csv")]
    assert not is_one_file({"paths": [WEB, WEB]}, {})


def test_links_of_another_dataset_are_replaced_and_files_are_not(tmp_path: Path) -> None:
    for name in ("first", "second"):
        (tmp_path / name).write_text(name)
    target = tmp_path / "mounted"
    lay([(str(tmp_path / "first"), "a"), (str(tmp_path / "first"), "b")], str(target), link=True)
    os.unlink(target / "b")
    (target / "b").write_text("the user's")
    lay([(str(tmp_path / "second"), "a"), (str(tmp_path / "second"), "b")], str(target), link=True)
    assert [(target / name).read_text() for name in ("a", "b")] == ["second", "the user's"]
