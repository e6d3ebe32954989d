from __future__ import annotations

import json
from typing import Any

import pytest

from trainshed.errors import UserErrorException
from trainshed.spec.checks import check_experiment_name, check_relative_path, check_run_spec
from trainshed.spec.codec import from_json
from trainshed.spec.environment import EnvironmentSpec
from trainshed.spec.record import to_json
from trainshed.spec.run import DataSpec, RunSpec

FULL = RunSpec(
    experiment="e",
    snapshot="0" * 64,
    script="pkg/train.py",
    arguments=("--a", "ü \n '\"$HOME"),
    environment=EnvironmentSpec(conda=("scikit-learn=1.4",), pip=("numpy<3",), python="3.11"),
    environment_variables={"A": "1"},
    data=(DataSpec("d", "store", "p/q", "download", "here", overwrite=True),),
    max_run_duration_seconds=10,
    tags={"k": "v"},
)


def test_round_trip() -> None:
    assert from_json(RunSpec, json.loads(json.dumps(to_json(FULL)))) == FULL


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"scrpt": "x"}, "Did you mean 'script'"),
        ({"node_count": "2"}, "node_count: expected int, got str"),
        ({"node_count": True}, "expected int, got bool"),
        ({"arguments": "abc"}, "expected a list"),
        ({"arguments": ["a", 3]}, r"arguments\[1\]: expected str"),
        ({"arguments": ["a\0b"]}, "NUL"),
        ({"environment": {"python": 3}}, "environment.python"),
        ({"data": [{"name": "x"}]}, "'datastore' is missing"),
        ({"version": 99}, "version 99"),
        ({"tags": {"a": 1}}, "tags"),
    ],
)
def test_what_is_wrong_is_named(change: dict[str, Any], word: str) -> None:
    with pytest.raises(UserErrorException, match=word):
        from_json(RunSpec, {**to_json(FULL), **change})


@pytest.mark.parametrize("name", ["../../etc", "/abs", "..", ".", "", "a b", "a/b", "x" * 256, "-a", "é", 3, None])
def test_experiment_names_that_cannot_be(name: object) -> None:
    with pytest.raises(UserErrorException):
        check_experiment_name(name)


@pytest.mark.parametrize(
    "path", ["../x", "a/../../x", "/etc/passwd", "./x", "a//b", "a/./b", "..\\x", "C:\\x", "", "a\0", "a/", "."]
)
def test_paths_that_cannot_be(path: str) -> None:
    with pytest.raises(UserErrorException):
        check_relative_path(path, "Path")


@pytest.mark.parametrize(
    "change",
    [
        {"script": None},
        {"command": ["ls"]},
        {"script": "../x.py"},
        {"node_count": 0},
        {"slots": 0},
        {"max_run_duration_seconds": 0},
        {"grace_seconds": -1.0},
        {"environment_variables": {"A=B": "1"}},
        {"environment_variables": {"BASH_FUNC_x%%": "1"}},
        {"environment": {"kind": "magic"}},
        {"environment": {"solver": "magic"}},
        {"data": [{"name": "a b", "datastore": "d"}]},
        {"data": [{"name": "a", "datastore": "d", "mode": "teleport"}]},
        {"data": [{"name": "a", "datastore": "d", "path": "../x"}]},
        {"data": [{"name": "a", "datastore": "d"}, {"name": "a", "datastore": "d"}]},
    ],
)
def test_runs_that_cannot_be(change: dict[str, Any]) -> None:
    with pytest.raises(UserErrorException):
        check_run_spec(from_json(RunSpec, {**to_json(FULL), **change}))


def test_a_good_run_passes() -> None:
    assert check_run_spec(FULL) is FULL
