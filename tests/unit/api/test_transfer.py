from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from trainshed.api.transfer import download, local_paths, opened
from trainshed.errors import UserErrorException


def test_where_a_download_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there").mkdir()
    for target, path in (
        (None, "m.pkl"),
        ("there", "there/m.pkl"),
        ("new/", "new/m.pkl"),
        ("deep/x.pkl", "deep/x.pkl"),
    ):
        download([b"a", b"b"], "outputs/m.pkl", target)
        assert (tmp_path / path).read_bytes() == b"ab"


def test_half_a_download_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "m").write_text("old")

    def breaking() -> Iterator[bytes]:
        yield b"new"
        raise ConnectionError

    with pytest.raises(ConnectionError):
        download(breaking(), "m", tmp_path / "m")
    assert [path.name for path in tmp_path.iterdir()] == ["m"]
    assert (tmp_path / "m").read_text() == "old"


def test_paths_of_many_files() -> None:
    names = ["outputs/a", "outputs/deep/b"]
    assert local_paths(names, "outputs", "to", None, True) == ["to/outputs/a", "to/outputs/deep/b"]
    assert local_paths(names, "outputs", "to", None, False) == ["to/a", "to/deep/b"]
    assert local_paths(names, "", None, ["x", "y"], True) == ["x", "y"]
    with pytest.raises(UserErrorException, match="There are 2 files and 1 output_paths"):
        local_paths(names, "", None, ["x"], True)
    with pytest.raises(UserErrorException, match="cannot be used as a local path"):
        local_paths(["../../etc/passwd"], "", "to", None, True)


def test_what_can_be_uploaded(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"abc")
    with opened(tmp_path / "f") as (body, size):
        assert callable(body)
        assert (b"".join(body()), b"".join(body()), size) == (b"abc", b"abc", 3)
    with opened(io.BytesIO(b"xy")) as (body, size):
        assert (body, size) == (b"xy", 2)
    with pytest.raises(UserErrorException, match="cannot be read"), opened(tmp_path / "none"):
        pass
    with pytest.raises(UserErrorException, match="not int"), opened(3):  # type: ignore[arg-type]
        pass
