from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from trainshed.system import gpus


@pytest.mark.parametrize(
    ("environ", "names"),
    [
        ({"CUDA_VISIBLE_DEVICES": "1, 3"}, ("1", "3")),
        ({"CUDA_VISIBLE_DEVICES": ""}, ()),
        ({"CUDA_VISIBLE_DEVICES": "0,-1,2"}, ("0",)),
        ({"CUDA_VISIBLE_DEVICES": "GPU-8f,MIG-1a"}, ("GPU-8f", "MIG-1a")),
        ({"CUDA_VISIBLE_DEVICES": "1", gpus.FAKE: "0,1"}, ("0", "1")),
    ],
)
def test_what_the_environment_says_goes_first(environ: dict[str, str], names: tuple[str, ...]) -> None:
    assert gpus.inventory(environ) == names


def test_those_are_counted_that_this_process_could_open(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(gpus, "_DEVICES", str(tmp_path))
    assert gpus.inventory({}) == ()
    for name in ("nvidiactl", "nvidia-uvm", "nvidia3", "nvidia7", "null"):
        (tmp_path / name).touch()
    assert gpus.inventory({}) == ("0", "1")


def test_the_drivers_program_is_asked_where_windows_has_the_driver(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked = tmp_path / "nvidia-smi"
    asked.write_text("#!/bin/sh\necho 0\necho 1\n")
    asked.chmod(0o755)
    (tmp_path / "dxg").touch()
    monkeypatch.setattr(gpus, "_DEVICES", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert gpus.inventory({}) == ("0", "1")
    asked.write_text("#!/bin/sh\necho 'NVIDIA-SMI has failed because it could not talk to the driver'\nexit 9\n")
    assert gpus.inventory({}) == ()


@pytest.mark.skipif(not os.path.exists("/dev/nvidiactl"), reason="this machine has no NVIDIA GPU")
def test_a_real_inventory_is_what_the_driver_lists() -> None:
    listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, check=True).stdout
    found = gpus.inventory({})
    assert len(found) == sum(line.startswith("GPU ") for line in listed.splitlines()) > 0
