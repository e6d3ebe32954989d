from __future__ import annotations

import contextlib
import os
from pathlib import Path

import pytest

from trainshed.errors import NotFoundException, TrainshedError, UserErrorException
from trainshed.service.mirror import Mirror
from trainshed.system.confined import create_inside, open_inside


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    run = tmp_path / "run1"
    (run / "code" / "outputs" / "deep").mkdir(parents=True)
    (run / "code" / "outputs" / "deep" / "model.bin").write_bytes(b"model")
    (run / "azureml-logs").mkdir()
    (run / "azureml-logs" / "70_driver_log.txt").write_text("log")
    (run / "artifacts" / "plots").mkdir(parents=True)
    (run / "artifacts" / "plots" / "a.png").write_bytes(b"png")
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "run10").mkdir()
    (tmp_path / "run10" / "secret").write_text("secret")
    os.symlink(tmp_path / "secret", run / "code" / "outputs" / "link")
    os.symlink(tmp_path, run / "code" / "outputs" / "up")
    os.symlink(".", run / "code" / "outputs" / "loop")
    os.mkfifo(run / "code" / "outputs" / "fifo")
    return run


def test_names_and_hashes(run_dir: Path) -> None:
    mirror = Mirror(run_dir.parent)
    names = [name for name, _ in mirror.listing(run_dir.name)]
    assert sorted(names) == ["azureml-logs/70_driver_log.txt", "outputs/deep/model.bin", "plots/a.png"]
    rows = {row[0]: row for row in mirror.manifest(run_dir.name)[0]}
    assert rows["outputs/deep/model.bin"][1:3] == (
        5,
        "9372c470eeadd5ecd9c3c74c2b3cb633f8e2f2fad799250a0f70d652b6b825e4",
    )


@pytest.mark.parametrize(
    "path",
    [
        "../secret",
        "code/../../secret",
        "/etc/passwd",
        "code/outputs/link",
        "code/outputs/up/secret",
        "code/outputs/loop/deep/model.bin",
        "code/outputs/fifo",
        "code/outputs",
        "../run10/secret",
        "code/%2e%2e/%2e%2e/secret",
        "nope",
        "a\0b",
    ],
)
def test_nothing_outside_is_opened(run_dir: Path, path: str) -> None:
    with pytest.raises(TrainshedError):
        open_inside(run_dir, path)


def test_create_never_overwrites_and_leaves_nothing_half(run_dir: Path) -> None:
    with create_inside(run_dir, "artifacts/x/y.bin", overwrite=False) as file:
        file.write(b"1")
    with (
        pytest.raises(UserErrorException, match="already"),
        create_inside(run_dir, "artifacts/x/y.bin", overwrite=False) as file,
    ):
        file.write(b"2")
    with contextlib.suppress(KeyError), create_inside(run_dir, "artifacts/x/z.bin", overwrite=False) as file:
        file.write(b"half")
        raise KeyError
    assert [path.name for path in (run_dir / "artifacts" / "x").iterdir()] == ["y.bin"]
    with open_inside(run_dir, "artifacts/x/y.bin") as file:
        assert file.read() == b"1"


def test_create_does_not_follow_links(run_dir: Path, tmp_path: Path) -> None:
    with pytest.raises(NotADirectoryError), create_inside(run_dir, "code/outputs/up/evil", overwrite=True):
        pass
    assert not (tmp_path / "evil").exists()


def test_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(NotFoundException):
        open_inside(tmp_path, "a/b/c")
