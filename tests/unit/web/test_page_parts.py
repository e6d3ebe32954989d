"""What the page asks of the history: filters, windows of the table, curves, logs, sessions, differences of sources."""

from __future__ import annotations

import hashlib
import io
import math
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from trainshed.errors import NotFoundException
from trainshed.spec import states
from trainshed.spec.arguments import parameter, parameters
from trainshed.spec.run import RunSpec
from trainshed.store.database import Database
from trainshed.store.history import History
from trainshed.store.metrics import Metrics
from trainshed.store.removal import Removal
from trainshed.store.snapshots import Snapshots
from trainshed.web import assets
from trainshed.web.curves import Curves
from trainshed.web.logs import Log
from trainshed.web.markup import render
from trainshed.web.sessions import Sessions
from trainshed.web.source_diff import difference
from trainshed.web.table import Question, Table


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = Database(tmp_path / "history.db")
    yield made
    made.close()


@pytest.fixture
def table(database: Database) -> Table:
    """Four runs: two of an experiment, of which one has failed, and a parent with a child."""
    history, metrics = History(database), Metrics(database)
    for number, (name, rate) in enumerate(
        (("digits", "0.1"), ("digits", "0.01"), ("my exp", "10"), ("my exp", "adam"))
    ):
        spec = RunSpec(
            experiment=name,
            arguments=("--lr", rate, "--fast"),
            display_name=f"Trial {number}",
            parent="r2" if number == 3 else None,
            kind="hyperdrive" if number == 2 else "azureml.scriptrun",
            tags={"stage": "trial"} if number else {},
            properties={"mlflow.param.depth": str(number)},
        )
        history.create_run(f"r{number}", f"s{number}", spec, 100.0 + number)
        metrics.append(f"r{number}", [(0, {"k": "metric", "n": "val/loss", "v": 0.5 - number / 10, "t": 1.0})], 1)
    error = {"error": {"message": "exited\nKeyError: 'label'"}}
    history.move("r1", states.FAILED, now=110.0, reason="exit", details=error)
    history.note("r0", {"archived": 1.0})
    return Table(database)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "r3 r2 r1"),
        ("archived:yes", "r0"),
        ("archived:any experiment:digits", "r1 r0"),
        ('experiment:"my exp"', "r3 r2"),
        ("status:failed,running", "r1"),
        ("tag:stage", "r3 r2 r1"),
        ("tag:stage=other", ""),
        ("TRIAL keyerror", "r1"),
        ('"my exp" "trial 3"', "r3"),
        ("val/loss<0.35", "r3 r2"),
        ("lr<5", "r1"),
        ("lr=adam", "r3"),
        ("depth>1", "r3 r2"),
        ("parent:r2", "r3"),
        ("submitted>2020-01-01", ""),
        ("submitted<-1d", "r3 r2 r1"),
        ("100% '; DROP TABLE runs --", ""),
        ("a:b:c", ""),
        ("status:", "r3 r2 r1"),
    ],
)
def test_filters(table: Table, text: str, found: str) -> None:
    window = table.window(Question(text=text))
    assert [row["id"] for row in window["rows"]] == found.split()
    assert window["total"] == len(found.split())


def test_the_table_is_sorted_and_grouped(table: Table) -> None:
    def ids(**asked: object) -> list[str]:
        return [row["id"] for row in table.window(Question(text="archived:any", **asked))["rows"]]  # type: ignore[arg-type]

    assert ids(sort="m:val/loss", descending=False) == ["r3", "r2", "r1", "r0"]
    assert ids(sort="p:lr", descending=False) == ["r1", "r0", "r2", "r3"]
    assert ids(sort="name", descending=False, offset=1, limit=2) == ["r1", "r2"]
    assert ids(sort="no such column") == ["r3", "r2", "r1", "r0"]
    grouped = table.window(Question(text="archived:any", group="sweep", metrics=("val/loss",), parameters=("lr", "x")))
    assert [(group["key"], group["runs"]) for group in grouped["groups"]] == [("r2", 2), ("", 2)]
    assert grouped["groups"][0]["name"] == "Trial 2"
    first, failed = grouped["rows"][0], grouped["rows"][2]
    assert (first["m"], first["p"], first["place"]) == ({"val/loss": pytest.approx(0.2)}, {"lr": "adam"}, 3)
    assert failed["error"] == "KeyError: 'label'"
    assert table.usual() == {"metrics": ["val/loss"], "parameters": ["depth", "lr", "fast"]}
    assert table.counts(0.0) == {"Failed": 1, "Queued": 3, "all": 4, "failed_lately": 1}
    assert table.experiments(5) == [{"name": "my exp", "runs": 2}, {"name": "digits", "runs": 2}]


def test_a_long_curve_keeps_what_sticks_out(database: Database) -> None:
    History(database).create_run("r", "s", RunSpec(experiment="e"), 1.0)
    values = [math.sin(i / 100) for i in range(20_000)]
    values[7_777], values[500], values[501] = 50.0, math.nan, math.inf
    events = [(i * 60, {"k": "metric", "n": "y", "v": v, "s": 2 * i, "t": float(i)}) for i, v in enumerate(values)]
    events += [(9_000_000, {"k": "metric", "n": "text", "v": "a", "t": 1.0})]
    Metrics(database).append("r", events, 9_000_001)
    curves = Curves(database)
    whole = curves.curve("r", "y", 300)
    assert whole is not None
    assert (whole["points"], whole["thinned"], len(whole["x"])) == (20_000, True, 600)
    assert whole["x"] == sorted(whole["x"])
    assert max(whole["y"]) == 50.0
    part = curves.curve("r", "y", 300, (15_500, 15_600))
    assert part is not None
    assert (part["x"][0], part["x"][-1], "thinned" in part) == (15_498, 15_602, False)
    times = curves.curve("r", "y", 300, (499.0, 501.0), "time")
    assert times is not None
    assert (times["t"], times["y"][2:4]) == ([498.0, 499.0, 500.0, 501.0, 502.0], [None, None])
    assert curves.curve("r", "text", 300)["y"] == [None]  # type: ignore[index]
    assert curves.curve("r", "none", 300) is None
    assert curves.extremes("r")["y"]["max"] == 50.0


@pytest.mark.parametrize("logged", [True, False])
def test_a_very_long_curve_is_drawn_from_the_extremes_of_its_blocks(database: Database, logged: bool) -> None:
    History(database).create_run("r", "s", RunSpec(experiment="e"), 1.0)
    metrics, count = Metrics(database), 30_100
    values: list[float | str] = [math.sin(i / 100) for i in range(count)]
    values[7_777], values[29_999], values[500], values[501] = 50.0, -50.0, math.nan, math.inf
    values[2560 : 2560 + 256] = ["text", -(1 << 63), *[math.nan] * 254]
    events = [
        (i, {"k": "metric", "n": "y", "v": v, "t": float(i), "s": 2 * i if logged else None})
        for i, v in enumerate(values)
    ]
    for begin in range(0, count, 700):
        metrics.append("r", events[begin : begin + 700], min(begin + 700, count))
    curves, factor = Curves(database), 1 + logged
    whole, part = (curves.curve("r", "y", 60, between) for between in (None, (100 * factor, 30_000 * factor)))
    assert whole is not None
    assert part is not None
    for curve in (whole, part):
        assert curve["x"] == sorted(curve["x"])
        assert len(curve["x"]) <= 124
        assert set(curve["x"][::2]) <= set(range(0, factor * count, factor))
        assert curve["t"] == [x / factor for x in curve["x"]]
        assert (max(each for each in curve["y"] if each is not None), min(curve["y"], key=lambda y: y or 0)) == (
            50.0,
            -float(1 << 63),
        )
    assert whole["x"][0] == 0
    # As a release left it that stored no blocks.
    database.execute("DELETE FROM points WHERE series < 0")
    assert curves.curve("r", "y", 60) == whole
    Metrics(database).append("r", [(count, {"k": "metric", "n": "y", "v": 70.0, "t": 1.0})], count + 1)
    assert curves.curve("r", "y", 60)["y"][-1] == 70.0  # type: ignore[index]
    database.execute("UPDATE runs SET terminal = 1")
    Removal(database, History(database)).delete("r", children=False)
    assert database.column("SELECT count(*) FROM points") == [0]


def test_steps_that_were_not_logged_are_counted(database: Database) -> None:
    History(database).create_run("r", "s", RunSpec(experiment="e"), 1.0)
    Metrics(database).append("r", [(i, {"k": "metric", "n": "y", "v": i, "t": 1.0}) for i in range(5000)], 5000)
    whole, part = (Curves(database).curve("r", "y", 100, between) for between in (None, (4000, 4010)))
    assert whole is not None
    assert part is not None
    assert (whole["x"][0], whole["x"][-1]) == (0, 4950)
    assert (part["x"][0], part["y"][0]) == (3999, 3999)


def test_a_log_is_read_from_its_end_and_searched() -> None:
    text = "".join(f"line {i} é\n" for i in range(1000)) + "now ERR"
    log = Log(lambda: io.BytesIO(text.encode()))
    end = log.piece(-1, 100)
    assert end["text"].startswith("line ")
    assert end["text"].endswith("now ERR")
    assert (end["end"], end["size"]) == (len(text.encode()), len(text.encode()))
    cut = log.piece(0, 8)  # in the middle of a character
    assert (cut["text"], cut["end"]) == ("line 0 ", 7)
    found = log.find("err")
    assert log.piece(found["lines"][0], 100)["text"] == "now ERR"
    assert len(log.find("LINE 99")["lines"]) == 11
    assert len(log.find("line")["lines"]) == 1000
    assert log.find("")["lines"] == []


def test_a_log_that_is_not_there_is_empty() -> None:
    def opened() -> io.BytesIO:
        raise NotFoundException("There is no such file.")

    log = Log(opened)
    assert log.find("err") == {"lines": [], "more": False}
    assert log.piece(-1, 100)["text"] == ""


def test_a_session_belongs_to_a_user_and_a_code_is_used_once(tmp_path: Path) -> None:
    sessions = Sessions(tmp_path)
    sessions.keep(1234)
    code = sessions.code(7)
    assert sessions.redeem(code, 8) is None
    assert sessions.redeem(code, 7) is None  # it is void now
    session = sessions.redeem(sessions.code(7), 7)
    assert session is not None
    again = Sessions(tmp_path)
    assert again.port == 1234
    assert again.valid(session, 7)
    assert again.valid(session, None)
    assert not again.valid(session, 8)
    for wrong in ("", "..", session[:-1], session.replace(".7.", ".8."), f"9{session}"):
        assert not again.valid(wrong, 7)
    ticket = sessions.ticket("/a")
    assert sessions.opens(ticket, "/a")
    assert not sessions.opens(ticket, "/b")
    assert not sessions.opens("9999999999.x", "/a")
    assert (tmp_path / "page.json").stat().st_mode & 0o077 == 0
    (tmp_path / "page.json").write_text('{"secret": "x", "port": "y"}')
    assert Sessions(tmp_path).port == 0


def test_sources_are_compared(tmp_path: Path, database: Database) -> None:
    snapshots = Snapshots(tmp_path / "snapshots", database)

    def tree(**files: bytes) -> str:
        pack = snapshots.packs.incoming()
        assert pack is not None
        with open(pack, "wb") as file:
            for content in files.values():
                file.write(hashlib.sha256(content).digest() + len(content).to_bytes(8, "big") + content)
        snapshots.packs.adopt(pack)
        return snapshots.put_tree(
            [
                {"path": f"{name}.py", "kind": "file", "sha256": hashlib.sha256(text).hexdigest(), "size": len(text), "mode": 0o644}
                for name, text in files.items()
            ]
        )  # fmt: skip

    found = difference(
        snapshots, tree(a=b"x\ny\n", same=b"1", b=b"\0"), tree(a=b"x\nz\n", same=b"1", c=b"new\n", b=b"\0\0")
    )
    assert found["files"] == ["a.py", "b.py", "c.py"]
    lines = found["diff"].splitlines()
    assert {"-y", "+z", "+new", "--- /dev/null"} <= set(lines)
    assert any("no text" in line for line in lines)


def test_parameters_are_read_from_arguments() -> None:
    assert parameters(["x", "--a=b=c", "-v", "--n", "-3", "--", "--big", "9" * 50]) == {
        "a": "b=c", "v": True, "n": -3, "big": "9" * 50,
    }  # fmt: skip
    assert parameter('["--n", "-3"]', "{}", "n") == -3
    assert parameter('["--n", "x"', "{}", "n") is None
    assert parameter(None, "{}", "n") is None
    assert parameter(None, '{"mlflow.param.n": "0.5"}', "n") == 0.5  # logged through MLflow


def test_the_page_has_its_files_and_no_others() -> None:
    module = assets.asset("base.js")
    assert module is not None
    assert module.media_type.startswith("text/javascript")
    for name in ("../assets.py", "page.html", "nope.js", "uplot-LICENSE.txt"):
        assert assets.asset(name) is None
    names = [
        path.name for path in (Path(assets.__file__).parent / "static").iterdir() if path.suffix in (".js", ".css")
    ]
    assert sum(len(found.packed) for name in names if (found := assets.asset(name))) < 250_000
    # What is other people's is unchanged, with its version in its name and its licence beside it.
    others = {name.partition("-")[0] for name in names if re.search(r"-\d", name)}
    assert others == {"uplot", "tabulator", "htmx"}
    assert all((Path(assets.__file__).parent / "static" / f"{name}-LICENSE.txt").exists() for name in others)
    assert '<base href="../">' in assets.document("../", "run")
    assert "<script>" not in assets.document("./", "runs")


def test_what_the_shim_has_seen_is_a_curve_and_no_metric(database: Database) -> None:
    History(database).create_run("r", "s", RunSpec(experiment="e"), 1.0)
    metrics = Metrics(database)
    metrics.append("r", [(0, {"k": "resource", "n": "system: cpu", "v": 0.5, "t": 2.0})], 1)
    assert (metrics.read("r"), metrics.latest("r"), metrics.since("r", -1)) == ({}, {}, [])
    curves = Curves(database)
    assert curves.resources("r") == [{"name": "system: cpu", "value": 0.5}]
    curve = curves.curve("r", "system: cpu", 100)
    assert curve is not None
    assert (curve["t"], curve["y"]) == ([2.0], [0.5])
    assert Table(database).usual()["metrics"] == []


def test_a_template_escapes_what_it_is_given_and_wants_all_that_it_names() -> None:
    from jinja2 import UndefinedError

    part = {"view": "note", "title": "<i>", "data": "<script>", "about": "", "wide": False}
    run = {"id": "a/b", "name": "<b>", "status": "Queued", "kind": "queued", "took": "", "waits": "", "facts": []}
    values = {"page": "", "run": {**run, "tags": [], "description": "", "why": None}, "left": [part], "more": 0}
    text = render("fragment.html", parent=None, log=None, **values)
    assert "<b>&lt;b&gt;" not in text
    assert '<header><b title="&lt;i&gt;">&lt;i&gt;</b>' in text
    assert '<p class="none">&lt;script&gt;</p>' in text
    with pytest.raises(UndefinedError, match="'log' is undefined"):
        render("fragment.html", parent=None, **values)
