"""The integration tests once more through the service's door, as another user."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from other_user import ROOT, Broker, ran

INTEGRATION = [
    "test_api.py",
    "test_cli.py",
    "test_dataset_inputs.py",
    "test_docstrings.py",
    "test_hyperdrive.py",
    "test_interactive.py",
    "test_keeping.py",
    "test_notebook.py",
    "test_page.py",
    "test_removal.py",
    "test_tensorboard.py",
    "test_v1_run_data.py",
]
"""What clients do with files, streams and records."""
MORE = [
    "test_containers.py",
    "test_distributed.py",
    "test_environments.py",
    "test_environments_indexes.py",
    "test_gpus.py",
    "test_legacy_runs.py",
    "test_mlflow.py",
    "test_tensorflow.py",
    "test_v1_refusals.py",
    "test_web_data.py",
]
"""What happens behind the door is the same whoever has knocked: once in a while, with ``TRAINSHED_TEST_DOOR=all``.

Not here: test_migration, test_releases and test_remote, which are about the folder or the service's process itself.
Single tests of that kind are marked ``own_folder`` where they stand. The environments' own tests have no workspace:
they build as the other user.
"""


@pytest.mark.parametrize("name", INTEGRATION + MORE * (os.environ.get("TRAINSHED_TEST_DOOR") == "all"))
def test_integration(name: str, place: Path) -> None:
    (place / "tmp").mkdir()
    broker = Broker(place / "broker")
    argv = ["-m", "pytest", str(ROOT / "tests" / "integration" / name), "-q", "-p", "no:cacheprovider"]
    argv += ["-m", "not own_folder", "--basetemp", str(place / "tmp" / "t")]
    try:
        ran(place, place, argv, {"TRAINSHED_TEST_BROKER": str(place / "broker")})
    finally:
        broker.close()
