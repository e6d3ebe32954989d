from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from trainshed.cli import show
from trainshed.cli.main import main
from trainshed.cli.parser import parse, parser
from trainshed.cli.submit import _name, _source, estimator_of, pairs
from trainshed.errors import UserErrorException


def test_what_follows_the_dashes_belongs_to_the_script() -> None:
    options = parse(["submit", "src", "--script", "a.py", "-p", "numpy", "--", "--json", "--", "-p", "x"])
    assert options.arguments == ["--json", "--", "-p", "x"]
    assert (options.pip, options.json) == (["numpy"], False)


@pytest.mark.parametrize("words", [["--json", "runs"], ["runs", "--json"]])
def test_common_options_stand_before_or_after_the_command(words: list[str]) -> None:
    assert parse(words).json is True
    assert parse(["--workspace", "w", "runs"]).workspace == parse(["runs", "--workspace", "w"]).workspace == "w"
    assert parse(["runs"]).workspace is None


def test_a_submit_becomes_an_estimator(project: Path) -> None:
    (project / "train.py").write_text("")
    words = [
        "submit",
        str(project),
        "-p",
        "numpy",
        "-c",
        "scipy",
        "--python",
        "3.11",
        "-e",
        "A=b=c",
        "--time-limit",
        "5",
    ]
    options = parse(words)
    config = estimator_of(options).run_config
    deps = config.environment.python.conda_dependencies
    assert (deps.get_python_version(), list(deps.conda_packages)) == ("3.11", ["scipy"])
    assert config.environment_variables == {"A": "b=c"}
    assert config.max_run_duration_seconds == 5
    existing = parse(["submit", str(project), "--use-python", "/opt/py"])
    python = estimator_of(existing).run_config.environment.python
    assert (python.user_managed_dependencies, python.interpreter_path) == (True, "/opt/py")


def test_a_script_may_stand_in_place_of_its_folder(project: Path) -> None:
    (project / "go.py").write_text("")
    assert _source(parse(["submit", str(project / "go.py")])) == (str(project), "go.py")
    assert _source(parse(["submit", str(project)])) == (str(project), "train.py")


@pytest.mark.parametrize(("folder", "name"), [("/x/my proj!", "my-proj"), ("/", "experiment"), ("/x/_a_", "a")])
def test_an_experiment_is_named_after_the_folder(folder: str, name: str) -> None:
    assert _name(folder) == name


@pytest.mark.parametrize("text", ["A", "=b", ""])
def test_a_pair_needs_both_sides(text: str) -> None:
    with pytest.raises(UserErrorException, match="NAME=VALUE"):
        pairs([text], "-e")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["submit", "nowhere"], "The source folder 'nowhere' does not exist."),
        (["submit", ".", "--script", "none.py"], "There is no script 'none.py'"),
        (["submit", ".", "-e", "X"], "-e 'X' must be of the form NAME=VALUE."),
        (["--workspace", "typo", "runs"], "There is no workspace 'typo'"),
        (["runs", "--status", "Faild"], "Did you mean 'Failed'?"),
        (["--workspace", "./nope", "runs"], "Create it: trainshed --workspace"),
        (["--workspace", "./nope", "service", "status"], "There is no workspace at"),
        (["runs"], "There are no runs yet"),
        (["target"], "There are no runs yet"),
        (["show", ""], "There are no runs yet"),
        (["runs", "--limit", "-1"], "--limit: must be a whole number of at least 1, not '-1'"),
        (["submit", ".", "--processes", "0"], "--processes: must be a whole number of at least 1, not '0'"),
        (
            ["submit", ".", "--alpha", "0.8"],
            "Put `--` before the script's arguments: trainshed submit . -- --alpha 0.8",
        ),
        (["submit", ".", "--time", "3"], "has no option '--time'"),
        (["wait", "a", "more"], "'trainshed wait' does not accept 'more'"),
        (["runz"], "invalid choice: 'runz'"),
        (
            ["submit", ".", "--script", "train.py", "--use-python", "x", "-p", "numpy"],
            "Remove '-p', or --use-python",
        ),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(
    home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    says: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.py").write_text("")
    assert main(words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("trainshed: ")
    assert says in err
    assert err.count("\n") == 1
    assert main(["--json", *words]) == 2
    assert says in json.loads(capsys.readouterr().err)["error"]["message"]
    assert sorted(path.name for path in tmp_path.iterdir()) == (["home"] if home.exists() else []) + ["train.py"]
    assert not (home / "workspaces" / "default").exists() or words[0] == "submit"


def test_a_home_that_cannot_be_made_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TRAINSHED_HOME", "/proc/nope")
    monkeypatch.delenv("TRAINSHED_WORKSPACE", raising=False)
    for words in (["service", "start"], ["target", "local"], ["runs"]):
        assert main(words) == 2
        assert capsys.readouterr().err.startswith("trainshed: ")
    assert main(["submit", str(Path(__file__).parent), "--script", Path(__file__).name]) == 2
    assert "/proc/nope" in capsys.readouterr().err


def test_help_says_what_each_command_does(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        parse(["--help"])
    assert end.value.code == 0
    text = capsys.readouterr().out
    for command in ("submit", "runs", "show", "logs", "metrics", "files", "get", "cancel", "wait", "service", "target"):
        assert f"\n    {command} " in text
        with pytest.raises(SystemExit):
            parse([command, "--help"])
        assert "--json" in capsys.readouterr().out
    assert "examples:" in text


def test_every_command_leads_to_a_function() -> None:
    from importlib import import_module

    commands = next(
        action
        for action in parser()._actions
        if action.dest == "COMMAND" or (hasattr(action, "choices") and action.choices)
    )
    for name, each in commands.choices.items():  # type: ignore[union-attr]
        module, _, function = each.get_default("run").partition(":")
        assert callable(getattr(import_module(f"trainshed.cli.{module}"), function)), name


def test_a_reader_that_has_had_enough_is_no_error(home: Path) -> None:
    code = "import sys; from trainshed.cli import show; from trainshed.cli.main import main\n"
    code += "import trainshed.cli.listing as r; r.runs = lambda o: [print('x' * 1000) for _ in range(10000)] and 0\n"
    code += "sys.exit(main(['runs']))"
    run = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert run.stdout is not None
    assert run.stderr is not None
    os.read(run.stdout.fileno(), 10)
    run.stdout.close()
    err = run.stderr.read()
    run.stderr.close()
    assert (run.wait(), err) == (141, b"")


def test_text_of_a_record_stays_on_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    show.table(("A", "B"), [("x\ny", "\x1b]0;t\x07"), ("long", 3)])
    assert capsys.readouterr().out.splitlines() == ["A     B", "x y   ^[]0;t\x07", "long  3"]


def test_json_is_strict(capsys: pytest.CaptureFixture[str]) -> None:
    show.as_json({"a": [float("nan"), float("-inf"), 1.5]})
    assert json.loads(capsys.readouterr().out, parse_constant=pytest.fail) == {"a": ["NaN", "-Infinity", 1.5]}


@pytest.mark.parametrize(
    ("begin", "end", "text"), [(None, None, ""), (0.0, 1.25, "1.2s"), (0.0, 61.0, "1m01s"), (0.0, 7260.0, "2h01m")]
)
def test_how_long_it_took(begin: float | None, end: float | None, text: str) -> None:
    assert show.duration(begin, end) == text
