"""Names of images, and what engines' words mean."""

from __future__ import annotations

import pytest

from trainshed.containers.engine_cli import essence, meaning
from trainshed.containers.images import reference, registry_of
from trainshed.errors import UserErrorException
from trainshed.spec.container import ContainerSpec
from trainshed.spec.container_checks import check_container, check_image


@pytest.mark.parametrize(
    ("container", "name"),
    [
        (ContainerSpec("python:3.11"), "python:3.11"),
        (ContainerSpec("team/py", registry="r.example.org"), "r.example.org/team/py"),
        (ContainerSpec("r.example.org/team/py", registry="r.example.org/"), "r.example.org/team/py"),
    ],
)
def test_the_whole_name_of_an_image(container: ContainerSpec, name: str) -> None:
    assert reference(container) == name


def test_an_image_is_built_once_for_each_dockerfile() -> None:
    first, second = (reference(ContainerSpec("", dockerfile=text)) for text in ("FROM a", "FROM b"))
    assert first.startswith("localhost/trainshed:")
    assert first != second


@pytest.mark.parametrize(
    ("name", "registry"),
    [
        ("python:3.11", "docker.io"),
        ("pytorch/pytorch", "docker.io"),
        ("r.example.org/py", "r.example.org"),
        ("localhost/py", "localhost"),
        ("host:5000/a/b", "host:5000"),
    ],
)
def test_whose_registry_a_name_is_about(name: str, registry: str) -> None:
    assert registry_of(name) == registry


@pytest.mark.parametrize(
    "name",
    ["a", "a/b", "a.b-c__d/e:T.1-2", "host:5000/a:1", "[::1]:5000/a", "a@sha256:" + "0" * 64, "localhost/a:1"],
)
def test_names_that_can_be_used(name: str) -> None:
    assert check_image(name) == name


@pytest.mark.parametrize(
    "name", ["", "A", "-a", "a b", "a:", "a:b:c", "--privileged", "a/../b", "a\n", "a;b", "$(a)", "x" * 600, "a//b", 5]
)
def test_names_that_cannot(name: object) -> None:
    with pytest.raises(UserErrorException, match="Invalid image name") as error:
        check_image(name)
    assert error.value.details["reason"] == "image_name"


@pytest.mark.parametrize(
    ("container", "words"),
    [
        (ContainerSpec(""), "either an image or"),
        (ContainerSpec("a", dockerfile="FROM b"), "either an image or the text of a Dockerfile, and not both"),
        (ContainerSpec("a", registry="https://r"), "without 'https://'"),
        (ContainerSpec("a", username="a:b"), "Invalid username"),
        (ContainerSpec("a", shm_size="much"), "such as '512m'"),
        (ContainerSpec("a", arguments=("-d",)), "Remove it"),
        (ContainerSpec("a", arguments=("",)), "Each argument is a string"),
    ],
)
def test_requests_that_no_engine_could_meet(container: ContainerSpec, words: str) -> None:
    with pytest.raises(UserErrorException, match=words):
        check_container(container)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("Error: initializing source docker://r/py:1: reading manifest 1 in r/py: unauthorized: x", "registry_refused"),
        ("Error response from daemon: pull access denied for nothing, repository does not exist", "registry_refused"),
        ("Error: reading manifest 1 in r/py: manifest unknown: manifest unknown", "image_not_found"),
        ("Error response from daemon: manifest for python:0 not found: manifest unknown", "image_not_found"),
        (
            'Error: pinging container registry r: Get "https://r/v2/": dial tcp: lookup r: no such host',
            "registry_unreachable",
        ),
        ("Error: dial tcp 127.0.0.1:1: connect: connection refused", "registry_unreachable"),
        (
            "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?",
            "no_container_engine",
        ),
        ("no matching manifest for linux/arm64/v8 in the manifest list entries", "image_architecture"),
        ("Error: something else", ""),
    ],
)
def test_what_engines_say(words: str, reason: str) -> None:
    assert meaning(words) == reason


def test_what_went_before_a_second_try_does_not_count() -> None:
    words = 'level=warning msg="Failed, retrying in 1s: unauthorized"\nError: dial tcp: no such host\n'
    assert meaning(words) == "registry_unreachable"
    assert essence(words) == "Error: dial tcp: no such host"
