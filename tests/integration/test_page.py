"""The plain pages: who may see them, what they show, and that nothing in them can act."""

from __future__ import annotations

import http.client
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from trainshed import Experiment, Workspace
from trainshed.api.runs.run import Run


@pytest.fixture
def run(workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    run: Run
    with Experiment(workspace, "shown").start_logging(snapshot_directory=None, tags={"<b>": "<script>"}) as run:
        for step in range(5):
            run.log("loss <i>", 1 / (step + 1))
        run.log_list("names", ["a", "b"])
        print("<script>alert(1)</script>")
        (tmp_path / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n")
        run.upload_file("outputs/pic 1.png", "picture.png")
        run.upload_file("outputs/evil.html", b"<script>alert(1)</script>" and "picture.png")  # type: ignore[arg-type]
        with run.child_run("fold") as child:  # type: ignore[attr-defined]
            child.log("x", 1)
    return run


def get(url: str, **headers: str) -> tuple[int, dict[str, str], str]:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc)
    connection.request("GET", f"{parts.path}?{parts.query}" if parts.query else parts.path, headers=headers)
    answer = connection.getresponse()
    text = answer.read().decode("utf-8", "replace")
    connection.close()
    return answer.status, {name.lower(): value for name, value in answer.getheaders()}, text


def test_a_run_is_shown_to_whoever_has_the_key(run: Run) -> None:
    url = run.get_portal_url()
    status, headers, _ = get(url)
    assert (status, headers["location"]) == (303, f"/pages/runs/{run.id}")
    cookie = headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    page = url.split("?")[0]
    status, headers, text = get(page, Cookie=cookie.split(";")[0])
    assert status == 200
    assert "default-src 'none'" in headers["content-security-policy"]
    for shown in (run.id, "Completed", "loss &lt;i&gt;", "<polyline", "logs/user_log.txt", "outputs/pic 1.png", "fold"):
        assert shown in text
    assert "<script" not in text
    assert "http-equiv" not in text  # it has ended: nothing more to come
    base = page.split("/pages/")[0]
    for path, kind in (("outputs/pic%201.png", "image/png"), ("outputs/evil.html", "application/octet-stream")):
        status, headers, _ = get(f"{page}/files/{path}", Cookie=cookie.split(";")[0])
        assert (status, headers["content-type"]) == (200, kind)
        assert headers["x-content-type-options"] == "nosniff"
    status, _, text = get(f"{base}/pages/", Cookie=cookie.split(";")[0])
    assert run.id in text


def test_nobody_else_sees_anything(run: Run) -> None:
    page = run.get_portal_url().split("?")[0]
    for url, headers in (
        (page, {}),
        (page + "?key=wrong", {}),
        (page, {"Cookie": "trainshed_pages=wrong"}),
        (page + "/files/logs/user_log.txt", {}),
    ):
        assert get(url, **headers)[0] == 401
    assert get(run.get_portal_url(), Host="evil.example.org")[0] == 400
    # The key opens pages, and nothing else.
    key = run.get_portal_url().split("key=")[1]
    api = page.replace("/pages/runs/", "/api/v1/runs/")
    assert get(f"{api}?key={key}", Cookie=f"trainshed_pages={key}")[0] == 401
    assert get(api, Authorization=f"Bearer {key}")[0] == 401
    assert get(page.replace(run.id, "no-such-run"), Cookie=f"trainshed_pages={key}")[0] == 404


def test_a_run_that_goes_on_is_drawn_anew(workspace: Workspace) -> None:
    run = Experiment(workspace, "shown").start_logging(snapshot_directory=None)
    key = run.get_portal_url().split("key=")[1]
    text = get(run.get_portal_url().split("?")[0], Cookie=f"trainshed_pages={key}")[2]
    assert 'http-equiv="refresh"' in text
    run.complete()
