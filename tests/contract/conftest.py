"""Fixtures of the contract: targets on this machine and on one that shares nothing with it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import isolated
import pytest
import slurm_cluster
import ssh_machine
from rigs import KINDS, Make, Rig, made_rig
from slurm_cluster import SlurmCluster

pytest.register_assert_rewrite("common_targets", "common_data")
_SAVED = ("TRAINSHED_HOME", "TRAINSHED_IDLE_SECONDS", "TRAINSHED_WORKSPACE")


def pytest_report_header() -> str:
    """Say what the suite cannot do here."""
    parts = {"isolated machines": isolated, "sshd": ssh_machine, "Slurm": slurm_cluster}
    return f"contract: {', '.join(each.why_not() or f'with {name}' for name, each in parts.items())}"


@pytest.fixture(scope="module")
def _environment() -> Iterator[None]:
    saved = {name: os.environ.pop(name, None) for name in _SAVED}
    yield
    for name, value in saved.items():
        os.environ.pop(name, None)
        if value is not None:
            os.environ[name] = value


@pytest.fixture(scope="module", params=KINDS)
def rig(request: pytest.FixtureRequest, _environment: None) -> Iterator[Rig]:
    """Each target in turn, with one service for all tests of a module."""
    made = made_rig(request.param)
    yield made
    made.stop()


@pytest.fixture(scope="module")
def slurm(_environment: None, shared_cluster: SlurmCluster) -> Iterator[Rig]:
    """A target on a cluster of two nodes, whose slots do not limit it."""
    made = Rig("slurm", {"slots": 100}, cluster=shared_cluster)
    yield made
    made.stop()


@pytest.fixture
def make(_environment: None) -> Iterator[Make]:
    """Make a target for one test alone, whose service or machine will not be the same afterwards."""
    made: list[Rig] = []

    def one(kind: str = "isolated", *args: Any, **more: Any) -> Rig:
        made.append(made_rig(kind, *args, **more))
        return made[-1]

    yield one
    for each in made:
        each.stop()
