from __future__ import annotations

from typing import Any

import pytest

from trainshed.api.runs.details import details_of
from trainshed.api.runs.watch import failure
from trainshed.spec.environment import EnvironmentSpec
from trainshed.spec.record import to_json
from trainshed.spec.run import DataSpec, RunSpec


def record(**changes: Any) -> dict[str, Any]:
    spec = RunSpec(
        experiment="e",
        snapshot="abc",
        script="train.py",
        arguments=("--a",),
        environment=EnvironmentSpec(python="3.11", conda=("numpy",), pip=("torch",)),
        data=(DataSpec("ref", "store", "d"),),
    )
    return {
        "id": "e_1_ab", "target": "local", "status": "Failed", "started": 1.5, "ended": None, "properties": {"p": "1"},
        "details": {"error": {"message": "no"}, "warnings": [{"source": "s", "message": "m"}]}, "spec": to_json(spec), **changes,
    }  # fmt: skip


def test_keys_are_attributes_and_it_is_a_dict() -> None:
    details = details_of(record(), {"azureml-logs/70_driver_log.txt": "http://x"})
    assert details.status == details["status"] == "Failed"
    assert isinstance(details, dict)
    assert details.startTimeUtc == "1970-01-01T00:00:01.500000Z"
    assert "endTimeUtc" not in details
    assert details["error"]["error"]["message"] == "no"
    assert details.warnings == [{"source": "s", "message": "m"}]
    assert details.properties == {"_azureml.ComputeTargetType": "local", "ContentSnapshotId": "abc", "p": "1"}
    with pytest.raises(AttributeError, match=r"no 'statu'. Did you mean 'status'\?"):
        _ = details.statu


def test_what_was_asked_for_is_told_in_camel_case() -> None:
    definition = details_of(record(), {})["runDefinition"]
    assert (definition["script"], definition["arguments"], definition["nodeCount"]) == ("train.py", ["--a"], 1)
    conda = definition["environment"]["python"]["condaDependencies"]
    assert conda["dependencies"] == ["python=3.11", "numpy", {"pip": ["torch"]}]
    assert definition["dataReferences"]["ref"]["pathOnDataStore"] == "d"


def test_a_failure_is_told_with_the_end_of_its_log_and_where_the_rest_is() -> None:
    told = failure("r1", {"message": "Exit code 3.", "log": "azureml-logs/x.txt", "log_tail": "one\ntwo\n"})
    assert told.splitlines() == [
        "Run r1 failed: Exit code 3.",
        "The last lines of azureml-logs/x.txt:",
        "    one",
        "    two",
        "Complete log: run.download_file('azureml-logs/x.txt') or 'trainshed logs r1 azureml-logs/x.txt'.",
    ]
