from __future__ import annotations

import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from trainshed import Estimator, Experiment, Workspace
from trainshed.api.workspace.callable_dict import CallableDict
from trainshed.errors import UnknownNameException, UserErrorException, WorkspaceException


def write(path: Path, said: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(said if isinstance(said, str) else json.dumps(said))


@pytest.fixture
def here(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two folders deep, with a workspace named 'known'."""
    Workspace.create("known")
    folder = tmp_path / "outer" / "inner"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    return folder


def test_the_default_workspace_is_made_at_its_first_use(home: Path) -> None:
    assert Workspace.from_config().name == "default"
    root = home / "workspaces" / "default"
    for folder in (home, home / "workspaces", root):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert Workspace() == Workspace.get("default") == Workspace("sub", "group", "default")


def test_a_workspace_that_is_not_there_names_the_nearest(home: Path) -> None:
    Workspace.create("training")
    with pytest.raises(
        WorkspaceException, match=r"no workspace 'trainign'.*Available: training\. Did you mean 'training'\?"
    ):
        Workspace("trainign")


def test_a_workspace_that_is_not_there_among_none(home: Path) -> None:
    with pytest.raises(WorkspaceException, match=r"There is no workspace 'x' in .*workspaces\. Create it"):
        Workspace.get("x")


def test_with_the_switch_a_workspace_of_azure_that_a_program_names_is_made(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """As v1's programs get theirs: by its three names, by ``get``, from a downloaded ``config.json``."""
    write(tmp_path / "config.json", {"subscription_id": "s", "resource_group": "g", "workspace_name": "from-portal"})
    ways: dict[str, Callable[[], Workspace]] = {
        "by-names": lambda: Workspace(
            subscription_id="s", resource_group="g", workspace_name="by-names", auth=object()
        ),
        "got": lambda: Workspace.get("got", subscription_id="s", resource_group="g"),
        "from-portal": lambda: Workspace.from_config(tmp_path / "config.json"),
    }
    for name, way in ways.items():
        with pytest.raises(WorkspaceException, match=rf"create\('{name}'\)\. With TRAINSHED_LEGACY=1, workspaces of"):
            way()
    monkeypatch.setenv("TRAINSHED_LEGACY", "1")
    for name, way in ways.items():
        found = way()
        assert (found.name, found.subscription_id, found.resource_group) == (name, "s", "g")
        assert way() == found
        assert caplog.text.count(f"Workspace '{name}' of Azure did not exist here") == 1
    for without in (None, "local"):  # "local": what write_config writes for a workspace that never had one
        with pytest.raises(WorkspaceException, match=r"Create it: Workspace.create\('x'\)\.$"):
            Workspace.get("x", subscription_id=without)


def test_a_workspace_is_created_once(home: Path) -> None:
    made = Workspace.create("one", subscription_id="s", resource_group="g", friendly_name="One")
    assert repr(made) == "Workspace.create(name='one', subscription_id='s', resource_group='g')"
    assert made.get_details()["friendlyName"] == "One"
    with pytest.raises(WorkspaceException, match="exist_ok"):
        Workspace.create("one")
    assert Workspace.create("one", exist_ok=True) == made
    assert Workspace.list("s") == {"one": [made]}


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "a b", "x" * 101])
def test_a_name_that_would_be_a_path_is_refused(home: Path, name: str) -> None:
    with pytest.raises(WorkspaceException, match="Invalid workspace name"):
        Workspace.create(name)


def test_a_workspace_may_lie_anywhere(home: Path, tmp_path: Path) -> None:
    made = Workspace(path=tmp_path / "elsewhere")
    assert (made.name, made.path) == ("elsewhere", tmp_path / "elsewhere")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("x")
    with pytest.raises(WorkspaceException, match="neither a workspace nor an empty folder"):
        Workspace(path=tmp_path / "full")


@pytest.mark.parametrize(
    "place", [".azureml/config.json", ".azureml/project.json", "aml_config/config.json", "config.json", "project.json"]
)
@pytest.mark.parametrize("up", ["", ".."])
def test_a_configuration_is_found_here_and_above(here: Path, place: str, up: str) -> None:
    write(here / up / place, {"subscription_id": "s", "resource_group": "g", "workspace_name": "known"})
    found = Workspace.from_config()
    assert (found.name, found.subscription_id, found.resource_group) == ("known", "s", "g")


def test_the_folder_made_for_it_goes_before_the_bare_file_and_the_variable_before_both(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(here / "config.json", {"workspace_name": "nowhere"})
    write(here.parent / ".azureml" / "config.json", {"workspace_name": "known"})
    assert Workspace.from_config().name == "known"
    monkeypatch.setenv("TRAINSHED_WORKSPACE", "default")
    assert Workspace.from_config().name == "default"


def test_a_config_json_of_another_program_is_passed_over(here: Path) -> None:
    write(here / "config.json", {"learning_rate": 0.1})
    write(here.parent / "config.json", "not even JSON")
    assert Workspace.from_config().name == "default"


@pytest.mark.parametrize("said", ["{", "[]", {"subscription_id": "s"}])
def test_a_configuration_that_says_nothing_is_an_error(here: Path, said: Any) -> None:
    write(here / ".azureml" / "config.json", said)
    with pytest.raises(UserErrorException, match=r"is not a workspace configuration"):
        Workspace.from_config()
    with pytest.raises(UserErrorException, match=r"is not a workspace configuration"):
        Workspace.from_config(here / ".azureml" / "config.json")


def test_a_path_that_was_given_must_lead_somewhere(here: Path) -> None:
    with pytest.raises(UserErrorException, match="There is no file or folder"):
        Workspace.from_config("nowhere.json")
    with pytest.raises(UserErrorException, match="There is no workspace configuration"):
        Workspace.from_config(".")


def test_other_forms_of_a_configuration(here: Path, tmp_path: Path) -> None:
    scope = "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/known"
    write(here / "scope.json", {"Scope": scope})
    assert Workspace.from_config("scope.json").resource_group == "g"
    write(here / "path.json", {"path": "../beside"})
    assert Workspace.from_config("path.json").path == here.parent / "beside"


def test_what_is_written_is_found(here: Path) -> None:
    Workspace("known").write_config()
    assert Workspace.from_config() == Workspace("known")
    elsewhere = Workspace(path=here / "mine")
    elsewhere.write_config(here, "other.json")
    assert Workspace.from_config(_file_name="other.json") == elsewhere
    elsewhere.write_config("new/folder")
    assert Workspace.from_config("new/folder") == elsewhere
    with pytest.raises(UserErrorException, match="is not a folder"):
        elsewhere.write_config("new/folder/.azureml/config.json")


def test_experiment_names_are_checked(home: Path) -> None:
    assert Experiment(Workspace(), "good-name_1").name == "good-name_1"
    for name in ("", "a b", "-a", "x" * 256, None):
        with pytest.raises(UserErrorException, match="Invalid experiment name"):
            Experiment(Workspace(), name)  # type: ignore[arg-type]
    with pytest.raises(UserErrorException, match="must be a Workspace"):
        Experiment("name", "workspace")  # type: ignore[arg-type]


def test_nothing_so_far_has_started_a_service(home: Path, project: Path) -> None:
    ws = Workspace()
    with pytest.raises(UserErrorException, match="There is no script"):
        Experiment(ws, "e").submit(Estimator(str(project), compute_target="local"))
    assert [path.name for path in ws.path.iterdir()] == ["config.json"]


class Named:
    def __init__(self, name: str) -> None:
        self.name = name


def test_all_three_ways_to_look_at_a_workspaces_things() -> None:
    things = CallableDict({"a": Named("a"), "b": Named("b")})
    assert [thing.name for thing in things()] == ["a", "b"]  # type: ignore[attr-defined]
    assert things()["a"] is things["a"]
    assert sorted(things) == ["a", "b"]
    assert {**things}.keys() == {"a", "b"}


def test_a_name_that_is_not_there_is_told_with_those_that_are() -> None:
    made = CallableDict({"first": 1, "second": 2}, "datastore")
    with pytest.raises(UnknownNameException, match="There is no datastore 'secnd'") as told:
        made["secnd"]
    assert isinstance(told.value, KeyError)
    assert str(told.value) == "There is no datastore 'secnd'. Available: first, second. Did you mean 'second'?"
    assert made.get("secnd") is None
    assert "secnd" not in made
    with pytest.raises(KeyError, match="There are none yet"):
        CallableDict({}, "model")["m"]
