"""``trainshed deploy``, ``services`` and ``call``, as a user types them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from callers import processes_of

from trainshed import Model, Workspace
from trainshed.cli.main import main

SCORE = """
import json, os

def init():
    global words
    from azureml.core.model import Model
    with open(Model.get_model_path("words")) as file:
        words = file.read()

def run(data):
    return {"words": words, "asked": json.loads(data), "beside": sorted(os.listdir("more"))}
"""


def said(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(list(words)) == 0, capsys.readouterr().err
    return capsys.readouterr().out


@pytest.mark.own_folder
def test_deploy_show_call_and_delete(
    workspace: Workspace,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    this_python: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "src" / "more").mkdir(parents=True)
    (tmp_path / "src" / "more" / "a.txt").write_text("a")
    (tmp_path / "src" / "score.py").write_text(SCORE)
    for text in ("first", "second"):
        Path("words.txt").write_text(text)
        Model.register(workspace, "words.txt", "words")
    capsys.readouterr()
    address = said(
        capsys, "deploy", "score.py", "--source", "src", "--model", "words:1", "--use-python", this_python,
        "--key", "header", "--tag", "stage=trial",
    ).strip()  # fmt: skip
    assert address.endswith("/score")
    assert "words  Healthy  words:1  " + address in said(capsys, "services")
    shown = said(capsys, "services", "show", "words")
    assert f"address   {address}\n" in shown
    assert "tags      stage=trial\n" in shown
    assert json.loads(said(capsys, "--json", "services", "show", "words"))["authEnabled"] is True
    Path("request.json").write_text('{"a": 1}')
    answer = {"words": "first", "asked": {"a": 1}, "beside": ["a.txt"]}
    assert json.loads(said(capsys, "call", "words", "@request.json")) == answer
    replaced = ("--overwrite", "--no-wait", "--json")
    told = said(capsys, "deploy", "src/score.py", "--model", "words", "--use-python", this_python, *replaced)
    assert json.loads(told)["models"] == ["words:2"]
    run = workspace.webservices["words"].run_id
    processes = processes_of(run)
    assert said(capsys, "services", "delete", "words") == "deleted words\n"
    assert said(capsys, "services") == "NAME  STATE  MODELS  ADDRESS\n"
    # Nothing is left: no process, no folder, no port, no key.
    assert not processes & processes_of(run)
    assert not (workspace.path / "runs" / run).exists()
    assert list((workspace.path / "private" / "webservices").iterdir()) == []


WRONG = [
    (["deploy"], "Name a model, or the web service: --model NAME, --name NAME"),
    (["deploy", "--model", "none", "-p", "numpy"], "Name the scoring script: trainshed deploy SCORE.py"),
    (["deploy", "--model", "none"], "model 'none'"),
    (["deploy", "none.py", "--name", "a"], "none.py"),
    (["deploy", "score.py", "--name", "a", "--conda-file", "none.yml"], "none.yml"),
    (["deploy", "score.py", "--name", "a", "--model", "none"], "model 'none'"),
    (["deploy", "score.py", "--name", "a", "--port", "70000"], "from 1 to 65535"),
    (["services", "show"], "Name a web service: trainshed services show NAME"),
    (["call", "none", "{}"], "no web service 'none'"),
]


def test_what_cannot_be_deployed_is_told_in_a_sentence(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "score.py").write_text("def run(data):\n    return data\n")
    for words, sentence in WRONG:
        assert main(words) == 2
        told = capsys.readouterr().err
        assert sentence in told
        assert "Traceback" not in told
    assert workspace.webservices == {}
