"""Profiles of models, as SDK v1's documentation measures them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from azureml.core import Dataset
from azureml.core.model import InferenceConfig, ModelProfile
from trainshed import Environment, Model, Workspace
from trainshed.errors import UserErrorException, WebserviceException

SCORE = """
import json, time

def init():
    global held
    held = b"x" * 50_000_000

def run(data):
    time.sleep(0.005)
    return 1 / json.loads(data)["data"]
"""


def test_a_model_is_measured(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, this_python: str,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    pandas = pytest.importorskip("pandas")
    monkeypatch.chdir(tmp_path)
    Path("score.py").write_text(SCORE)
    environment = Environment("serving")
    environment.python.user_managed_dependencies = True
    environment.python.interpreter_path = this_python
    config = InferenceConfig("score.py", environment=environment)
    frame = pandas.DataFrame({"sample_request": [json.dumps({"data": value % 10}) for value in range(50)]})
    dataset = Dataset.Tabular.register_pandas_dataframe(frame, workspace.get_default_datastore(), "requests")
    profile = Model.profile(workspace, "halves", [], config, dataset, cpu=1, memory_in_gb=0.5)
    capsys.readouterr()
    profile.wait_for_completion(show_output=True)
    assert "successRate" in capsys.readouterr().out
    details = profile.get_details()
    assert (details["state"], details["requestedCpu"], details["requestedMemoryInGB"]) == ("Succeeded", 1, 0.5)
    assert (details["totalQueries"], details["successQueries"], details["successRate"]) == (50, 45, 90)
    names = [f"latencyPercentile{part}InMs" for part in ("50", "90", "95", "99", "999")]
    assert details[names[0]] >= 5
    assert [details[name] for name in names] == sorted(details[name] for name in names)
    assert details[names[0]] / 2 < details["averageLatencyInMs"] < details[names[-1]]
    assert 0 < details["measuredQueriesPerSecond"] < 200
    assert 0.05 < details["maxUtilizedMemory"] < details["recommendedMemoryInGB"]
    assert 0 < details["maxUtilizedCpu"] < 1.5
    assert json.loads(json.dumps(profile.serialize()))["name"] == "halves"
    assert workspace.webservices == {}  # nothing is left of it
    # What cannot be measured is told.
    Path("bad.py").write_text("def init():\n    raise ValueError('no weights')\n\n\ndef run(data):\n    return data\n")
    failed = Model.profile(workspace, "bad", [], InferenceConfig("bad.py", environment=environment), dataset)
    with pytest.raises(WebserviceException, match="no weights"):
        failed.wait_for_profiling()
    assert (failed.state, failed.get_details()["state"]) == ("Failed", "Failed")
    assert workspace.webservices == {}
    with pytest.raises(UserErrorException, match="is a list"):
        Model.profile(workspace, "never", [], config, [1, 2])
    with pytest.raises(UserErrorException, match="Invalid name of a profile"):
        Model.profile(workspace, "not a name", [], config, dataset)
    with pytest.raises(WebserviceException, match="exists only in the program"):
        ModelProfile(workspace, "halves")
