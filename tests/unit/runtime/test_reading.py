"""What a script reads back of its own run."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from trainshed.errors import UserErrorException
from trainshed.runtime import errors
from trainshed.runtime.files import confined
from trainshed.runtime.run import EVENTS, ROOTS, place_of
from trainshed.runtime.tables import Tables, read
from trainshed.runtime.values import scalar, step_number
from trainshed.spec import layout
from trainshed.spec.checks import check_relative_path

HEAD = "import os\nfrom azureml.core import Run\nrun = Run.get_context()\n"
LOGGED = """
run.log("once", 1.5); run.log("often", 1); run.log("often", 2.5); run.log("inf", float("inf")); run.log("flag", True)
run.log_list("one", [7]); run.log_list("more", [1, 2]); run.log_list("more", [3]); run.log_list("none", [])
run.log_row("row", x=1, y="a"); run.log_row("rows", x=1); run.log_row("rows", x=2)
run.log_table("table", {"c": [1, 2], "d": [3, 4]}); run.log_table("flat", {"c": 1, "d": 2})
run.log_row("once", x=1)
print(run.get_metrics()); print(run.get_metrics("often"), run.get_metrics("no"), list(run.get_metrics(recursive=True)))
"""
SHAPES = {
    "once": 1.5,
    "often": [1, 2.5],
    "inf": math.inf,
    "flag": True,
    "one": 7,
    "more": [1, 2, 3],
    "row": {"x": 1, "y": "a"},
    "rows": {"x": [1, 2]},
    "table": {"c": [1, 2], "d": [3, 4]},
    "flat": {"c": 1, "d": 2},
}


def test_metrics_have_v1s_shapes(job: Any) -> None:
    assert job.said(HEAD + LOGGED).splitlines() == [
        repr(SHAPES),
        f"{ {'often': [1, 2.5]} } {{}} ['run-1']",
    ]


def test_metrics_of_an_offline_run_have_the_same_shapes(job: Any) -> None:
    del job["TRAINSHED_RUN_ID"]
    code = HEAD.replace("import os", "import os; del os.environ['TRAINSHED_RUN_DIR']")
    assert repr(SHAPES) in job.said(code + LOGGED).splitlines()


def test_labels_come_from_the_submit_the_script_and_its_other_processes(job: Any) -> None:
    job["TRAINSHED_TAGS"] = json.dumps({"from": "submit", "gone": "x"})
    code = HEAD + (
        "run.set_tags({'a': 1, 'bare': None}); run.remove_tags(['gone']); run.add_properties({'p': 1})\n"
        "child = os.fork()\nif not child: run.tag('child', 'c'); os._exit(0)\nos.waitpid(child, 0)\n"
        "print(run.tags, run.get_tags() == run.tags, run.properties)"
    )
    tags = {"from": "submit", "a": "1", "bare": None, "child": "c"}
    assert job.said(code) == f"{tags} True {{'p': '1'}}\n"


def test_lines_that_are_no_events_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_bytes(
        b'\n{"k":"metric","n":"a","v":1}\n{"k":"metric","n":"t\n[]\n7\n\xff\n{"k":"metric","n":"a","x":"NaN"}'
    )
    got: Any = read(str(path), Tables()).metrics()["a"]
    first, second = got
    assert first == 1
    assert math.isnan(second)
    assert read(str(tmp_path / "none"), Tables()).metrics() == {}


def test_the_service_and_the_script_agree_on_where_files_lie() -> None:
    assert (ROOTS, EVENTS) == (layout.ROOTS, layout.EVENTS)
    for name in ("outputs/a", "runs/a", "runs/x/events.out.tfevents.1", "lightning_logs/version_0/hparams.yaml", "a/b"):
        assert place_of(name) == layout.place_of(name)


@pytest.mark.parametrize("name", ["", "/a", "../a", "a//b", "a/.", "a\\b", "a\0b", "a/", "a/b.c", "ä ö"])
def test_the_service_and_the_script_agree_on_names(name: str) -> None:
    def accepts(check: Callable[[], str], mistake: type[Exception]) -> bool:
        try:
            return check() == name
        except mistake:
            return False

    ours = accepts(lambda: confined(name), errors.UserErrorException)
    assert ours == accepts(lambda: check_relative_path(name, "File name"), UserErrorException)


FILES = """
run.strict = True
open("outputs/m.pkl", "w").write("model")
run.upload_file("outputs/m.pkl", "./outputs/m.pkl")
try: run.upload_file("outputs/m.pkl", "./outputs/m.pkl")
except Exception as error: print(type(error).__name__)
os.makedirs("tree/below"); open("tree/a", "w").write("a"); open("tree/below/b", "w").write("b")
run.upload_folder("kept", "tree"); run.upload_files(["one"], ["tree/a"])
try: run.upload_files(["x", "y"], ["tree/a"])
except TypeError: print("TypeError")
run.download_files(prefix="kept/", output_directory="got", append_prefix=False)
run.download_file("one", "got/"); run.download_file("outputs/m.pkl", "new/folder/m")
run.strict = False; run.upload_file("one", "tree/a"); run.upload_files(["x", "y"], ["tree/a"])
try: run.download_file("none")
except Exception as error: print(type(error).__name__)
print(sorted(os.path.join(at, name) for at, _, found in os.walk("got") for name in found), open("new/folder/m").read())
print(run.get_file_names(), sorted(os.listdir("..")))
"""


def test_files(job: Any) -> None:
    assert job.said(HEAD + FILES).splitlines() == [
        "UserErrorException",
        "TypeError",
        "UserErrorException",
        "['got/a', 'got/below/b', 'got/one'] model",
        "['kept/a', 'kept/below/b', 'one', 'outputs/m.pkl'] ['artifacts', 'code', 'journal.jsonl']",
    ]
    assert [event["n"] for event in job.events()] == ["outputs/m.pkl", "kept/a", "kept/below/b", "one"]


class Array:
    shape = (3,)

    def item(self) -> float:
        raise ValueError("can only convert an array of size 1")

    def tolist(self) -> list[float]:
        return [1.0, 2.0, 3.0]


@pytest.mark.parametrize("value", [[1], (1,), range(2), (i for i in "ab"), Array()])
def test_many_values_at_once_are_the_scripts_mistake(value: object) -> None:
    with pytest.raises(errors.UserErrorException, match=r"run\.log_list"):
        scalar(value, "m")


@pytest.mark.parametrize("value", [None, 1j, b"x", {"a": 1}, {1}, object])
def test_other_things_are_kept_as_text(value: object) -> None:
    assert scalar(value, "m") == repr(value)


def test_very_long_numbers() -> None:
    assert scalar(2**80, "m") == 2**80
    assert scalar(1 << 20_000, "m") == hex(1 << 20_000)


def test_steps_are_whole_numbers() -> None:
    assert step_number(None) is None
    assert [step_number(value) for value in (3, 3.0, True)] == [3, 3, 1]
    for wrong in ("3", 1.5, float("nan"), [1]):
        with pytest.raises(errors.UserErrorException, match="a step must be a whole number"):
            step_number(wrong)
