"""What an engine is to run is a pure function, as the golden files say. ``GOLDEN=write`` writes them anew."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from trainshed.containers.engine import CHOICE, ContainerConfig, Engine, find, run_argv, safe_name
from trainshed.errors import TrainshedError

GOLDEN = Path(__file__).parent / "golden"
CONFIG = ContainerConfig(
    "trainshed-e_1",
    "1f2e",
    ("/usr/bin/python3", "-S", "container_init.py", "/run/e_1/container_init.order"),
    folder="/run/e_1/code",
    mounts=(("/data", True), ("/run/e_1", True), ("/shed", False)),
    variables=("TRAINSHED_RUN_ID", "HOME=/home/of/runs"),
    user=(1000, 1001),
    shm_size="2g",
    label="e_1",
)
ASKED = CONFIG._replace(
    gpus=True, arguments=("--network", "none", "--shm-size=8g", "--userns=host", "--name=other", "--memory=4g")
)
CASES = {
    "podman": (Engine("podman", "/usr/bin/podman"), CONFIG),
    "podman_rootless": (Engine("podman", "/usr/bin/podman", True), CONFIG),
    "podman_asked": (Engine("podman", "/usr/bin/podman", True), ASKED),
    "docker": (Engine("docker", "/usr/bin/docker"), CONFIG),
    "docker_rootless": (Engine("docker", "/usr/bin/docker", True), CONFIG),
    "docker_asked": (Engine("docker", "/usr/bin/docker"), ASKED),
}


@pytest.mark.parametrize("name", sorted(CASES))
def test_a_command_is_as_the_golden_file_says(name: str) -> None:
    made = list(run_argv(*CASES[name]))
    file = GOLDEN / f"{name}.json"
    if os.environ.get("GOLDEN") == "write":
        file.write_text(json.dumps(made, indent=2) + "\n")
    assert made == json.loads(file.read_text())


def program(folder: Path, name: str) -> Path:
    made = folder / name
    made.write_text("#!/bin/sh\n")
    made.chmod(0o755)
    return made


def test_podman_goes_before_docker_and_a_choice_before_both(tmp_path: Path) -> None:
    docker = program(tmp_path, "docker")
    environ = {"PATH": str(tmp_path)}
    podman = program(tmp_path, "podman")
    assert find(environ).path == str(podman)
    assert find({**environ, CHOICE: "docker"})[:2] == ("docker", str(docker))
    assert find({**environ, CHOICE: str(podman)})[:2] == ("podman", str(podman))


def test_a_docker_of_ones_own_is_rootless(tmp_path: Path) -> None:
    program(tmp_path, "docker")
    environ = {"PATH": str(tmp_path), CHOICE: "docker", "XDG_RUNTIME_DIR": "/run/user/7"}
    assert not find(environ).rootless
    assert find({**environ, "DOCKER_HOST": "unix:///run/user/7/docker.sock"}).rootless


def test_no_engine_says_what_to_install() -> None:
    with pytest.raises(TrainshedError, match="apt-get install podman") as error:
        find({CHOICE: "no-such-engine"})
    assert error.value.details["reason"] == "no_container_engine"


def test_a_container_is_named_by_its_run() -> None:
    assert safe_name("a-b_1.2é", "-make") == "trainshed-a_b_1_2_-make"
