"""The page's requests: who is let in, what they get, and that nothing in it can act or lead out of a run's files."""

from __future__ import annotations

import http.client
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import pytest

from trainshed import Experiment, Workspace
from trainshed.api.runs.run import Run
from trainshed.cli.main import main


@pytest.fixture
def run(workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    run: Run
    with Experiment(workspace, "shown").start_logging(snapshot_directory=None, tags={"<b>": "<script>"}) as run:
        for step in range(5):
            run.log("loss <i>", 1 / (step + 1), step=10 * step)
        run.log_list("names", ["a", "b"])
        print("<script>alert(1)</script>")
        (tmp_path / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n")
        run.upload_file("outputs/pic 1.png", "picture.png")
        run.upload_file("outputs/evil.html", "picture.png")
        with run.child_run("fold") as child:  # type: ignore[attr-defined]
            child.log("x", 1)
    return run


class Browser:
    """What a browser sends, without one."""

    def __init__(self, workspace: Workspace) -> None:
        self.base = workspace.page_url("/")
        self.session = ""
        self.code = workspace.connection.call("POST", "/page")["code"]

    def log_in(self) -> Browser:
        status, _, text = self.ask("data/login", {"code": self.code})
        assert status == 200
        self.session = json.loads(text)["session"]
        return self

    def ask(self, path: str, body: Any = None, **headers: str) -> tuple[int, dict[str, str], str]:
        parts = urlsplit(self.base)
        connection = http.client.HTTPConnection(parts.netloc)
        sent = {"x-trainshed-session": self.session, **headers}
        method = "GET" if body is None else "POST"
        content = body if isinstance(body, str | None) else json.dumps(body)
        connection.request(method, parts.path + path, content, sent)
        answer = connection.getresponse()
        text = answer.read().decode("utf-8", "replace")
        connection.close()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, text

    def send(self, path: str, **fields: str) -> dict[str, Any]:
        """Send a form, and return the event that the answer has for the page."""
        status, headers, text = self.ask(f"data/{path}", urlencode(fields))
        assert status == 200, text
        event: dict[str, Any] = json.loads(headers["hx-trigger"])["acted"]
        return event

    def get(self, path: str) -> Any:
        status, _, text = self.ask(f"data/{path}")
        assert status == 200, text
        return json.loads(text)


def test_a_run_is_shown_to_whoever_has_logged_in(run: Run, workspace: Workspace) -> None:
    browser = Browser(workspace).log_in()
    here = f"runs/{quote(run.id)}"
    assert urlsplit(run.get_portal_url()).query == ""
    status, headers, text = browser.ask(here)
    assert (status, "script-src 'self'" in headers["content-security-policy"]) == (200, True)
    assert run.id not in text  # the document has no data
    facts = browser.get(here)
    assert (facts["status"], facts["tags"], facts["children_total"]) == ("Completed", {"<b>": "<script>"}, 1)
    details = browser.ask(f"data/{here}/details")[2]
    assert "Children <small>1</small>" in details
    assert [metric["name"] for metric in facts["metrics"]] == ["loss <i>", "names"]
    curve = browser.get(f"{here}/curves?name={quote('loss <i>')}")["curves"]["loss <i>"]
    assert (curve["x"], curve["y"][0], curve["points"]) == ([0, 10, 20, 30, 40], 1.0, 5)
    assert browser.get(f"{here}/value?name=names") == {"value": ["a", "b"]}
    assert "<script>alert(1)" in browser.get(f"{here}/log?name=logs/user_log.txt")["text"]
    assert browser.get(f"{here}/find?name=logs/user_log.txt&text=ALERT")["lines"] == [0]
    assert "outputs/pic 1.png" in [file["name"] for file in browser.get(f"{here}/files")["files"]]
    assert [row["id"] for row in browser.get("runs?filter=alert")["rows"]] == []
    assert run.id in [row["id"] for row in browser.get("runs?filter=experiment:shown")["rows"]]


def test_what_a_run_has_written_is_never_a_document_of_the_page(run: Run, workspace: Workspace) -> None:
    browser = Browser(workspace).log_in()
    for name in ("outputs/evil.html", "outputs/pic%201.png"):
        status, headers, _ = browser.ask(f"data/runs/{quote(run.id)}/files/{name}")
        assert (status, headers["content-type"]) == (200, "application/octet-stream")
        assert headers["content-disposition"] == "attachment"
        assert "sandbox" in headers["content-security-policy"]
    for path in ("files/../../service.json", "files/..%2f..%2fservice.json", "log?name=../service.json"):
        assert browser.ask(f"data/runs/{quote(run.id)}/{path}")[0] in (400, 404)
    assert browser.ask(f"data/runs/{quote(run.id)}/preview?name=/etc/passwd")[0] in (400, 404)


def test_nobody_else_sees_or_does_anything(run: Run, workspace: Workspace) -> None:
    browser = Browser(workspace)
    here = f"data/runs/{quote(run.id)}"
    for path in (here, f"{here}/files/outputs/evil.html", "data/runs", "data/overview", "data/changes", f"{here}/live"):
        assert browser.ask(path)[0] == 401
    assert browser.ask("data/act", urlencode({"do": "delete", "runs": run.id}))[0] == 401
    assert browser.ask("data/login", {"code": "wrong"})[0] == 401
    code = browser.code
    browser.log_in()
    assert browser.ask("data/login", {"code": code})[0] == 401  # once
    # A session opens the page, and nothing else.
    api = http.client.HTTPConnection(urlsplit(browser.base).netloc)
    for headers in ({"x-trainshed-session": browser.session}, {"authorization": f"Bearer {browser.session}"}):
        api.request("GET", "/api/v1/runs", headers=headers)
        answer = api.getresponse()
        answer.read()
        assert answer.status == 401
    api.close()
    # A ticket is for one file.
    ticket = json.loads(browser.ask("data/ticket", {"path": f"runs/{run.id}/files/outputs/evil.html"})[2])["ticket"]
    browser.session = ""
    assert browser.ask(f"{here}/files/outputs/evil.html?ticket={ticket}")[0] == 200
    assert browser.ask(f"{here}/files/outputs/pic%201.png?ticket={ticket}")[0] == 401
    assert browser.ask(f"data/act?ticket={ticket}", urlencode({"do": "delete", "runs": run.id}))[0] == 401


def test_runs_are_tagged_archived_and_deleted(run: Run, workspace: Workspace) -> None:
    browser = Browser(workspace).log_in()

    def act(what: str, **more: str) -> Any:
        return browser.send("act", do=what, runs=f"{run.id},nobody", **more)

    told = act("tag", tag="best")
    assert (told["do"], told["done"], "nobody" in told["told"]) == ("tag", 1, True)
    act("tag", tag="stage=trial")
    act("tag", tag="gone")
    act("tag", tag="-gone")
    act("tag", remove="<b>")
    assert run.get_tags() == {"best": "", "stage": "trial"}
    assert [row["id"] for row in browser.get("runs?filter=tag:stage=trial")["rows"]] == [run.id]
    act("archive")
    assert run.id not in [row["id"] for row in browser.get("runs")["rows"]]
    assert [row["id"] for row in browser.get("runs?filter=archived:yes")["rows"]] == [run.id]
    act("restore")
    browser.send(f"runs/{quote(run.id)}", name="Other", notes="what I saw")
    seen = workspace.get_run(run.id)
    assert (seen.display_name, seen.description) == ("Other", "what I saw")
    # What is asked before is a dialog, with everything escaped; what cannot be done is told instead.
    browser.send(f"runs/{quote(run.id)}", name="<i>")
    status, _, text = browser.ask("data/ask", urlencode({"do": "rename", "runs": run.id}))
    assert (status, 'value="&lt;i&gt;"' in text, f'hx-post="data/runs/{run.id}"' in text) == (200, True, True)
    assert "Delete 1 run?" in browser.ask("data/ask", urlencode({"do": "delete", "runs": run.id}))[2]
    assert browser.send("ask", do="cancel", runs=run.id)["done"] == 0
    for path, form in (("ask", {"do": "shout", "runs": run.id}), ("act", {"do": "shout"}), ("ask", {"do": "tag"})):
        assert browser.ask(f"data/{path}", urlencode(form))[0] == 400
    gone = act("delete")
    assert (gone["done"], "nobody" in gone["told"]) == (1, True)
    assert browser.get("runs")["rows"] == []


@pytest.mark.own_folder
def test_the_port_and_the_login_outlive_the_service(
    home: Path, workspace: Workspace, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from trainshed.client.stopping import stop

    browser = Browser(workspace).log_in()
    stop(str(workspace.path))
    assert workspace.connection.call("GET", "/runs")["runs"] == []  # which starts it again
    assert '<button data-filter="">All <b>0</b>' in browser.ask("data/overview?counts=1")[2]
    assert workspace.page_url("/") == browser.base
    run = Experiment(workspace, "kept").start_logging(snapshot_directory=None)
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("BROWSER", raising=False)
    for words, path in (([], ""), (["kept"], "?filter=experiment%3Akept"), ([run.id], f"runs/{run.id}")):
        assert main(["open", *words, "--json"]) == 0
        told = json.loads(capsys.readouterr().out)
        assert told["address"] == browser.base + path
    assert main(["open", "nothing-like-it"]) == 2
    run.complete()
