"""What ``RunDetails`` shows of a run, in a browser, without the notebook around it."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

from trainshed import Experiment, Workspace

BAD = "<img src=x onerror=alert(1)>"
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def test_a_run_is_shown_in_one_screen(
    workspace: Workspace, tmp_path: Path, browser: Any, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("picture.png").write_bytes(PNG)
    Path("no picture.png").write_text(f"<svg>{BAD}</svg>")
    run = Experiment(workspace, "shown").start_logging(
        snapshot_directory=None, display_name=f"seen {BAD}", tags={"why": BAD}
    )
    for step in range(40):
        run.log("train/loss", 2 / (step + 1), step=step)
        run.log("val/loss", 2.2 / (step + 1), step=step)
    for value in (float("nan"), float("inf"), 1e308, -1e308):
        run.log("odd", value)
    run.log("note", BAD)
    run.log_table("per class", {"class": ["cat", BAD], "precision": [0.9, 0.8]})
    run.log_list("words", ["a", BAD])
    run.log_row("row", x=1, y=BAD)
    matrix = {"class_labels": ["cat", BAD], "matrix": [[8, 1], [2, 9]]}
    run.log_confusion_matrix("confusion", {"schema_type": "confusion_matrix", "schema_version": "1", "data": matrix})
    rows = [[[1, 2, 3, 4], [2, 1, 1, 2]], [[0, 0, 0, 0]]]
    table = {"probability_tables": rows, "class_labels": ["cat"]}
    run.log_accuracy_table("roc", {"schema_type": "accuracy_table", "schema_version": "1", "data": table})
    run.log_image("sample", path="picture.png")
    run.upload_file("outputs/no picture.png", "no picture.png")
    text = f"\x1b[31mred {BAD}\x1b[0m\n" + "".join(f"line {i}\n" for i in range(200)) + "10%\r50%\r100%\nthe end\n"
    workspace.connection.upload("POST", f"/runs/{run.id}/log?offset=0", text.encode())
    with run.child_run("fold") as child:  # type: ignore[attr-defined]
        child.log("x", 1)
    html = run._call("GET", "fragment", query={"page": workspace.page_url("")})["html"]
    assert "<script" not in html
    assert "<img src=x" not in html
    assert f'href="{run.get_portal_url()}#files"' in html
    assert html.count("<img src=") == 1
    assert html.count("data:image/png;base64,") == 1
    child_html = child._call("GET", "fragment", query={"page": "javascript:alert(1)"})["html"]
    assert "javascript" not in child_html
    place = tmp_path / "shown.html"
    place.write_text(f"<!doctype html><meta charset='utf-8'><body style='width:1000px'>{html}", encoding="utf-8")
    browser.get(place.as_uri())
    box = "const box = document.querySelector('.trainshed'); return [box.offsetWidth, box.offsetHeight]"
    assert browser.execute_script(box) == [1000, 420]
    titles = "return [...document.querySelectorAll('.trainshed .left header b')].map((each) => each.textContent)"
    shown = ["loss", "odd", "per class", "words", "row", "confusion", "roc", "sample", "Values", "Children", "Files"]
    assert browser.execute_script(titles) == shown
    lines = "return document.querySelector('.trainshed .c svg').querySelectorAll('polyline').length"
    assert browser.execute_script(lines) == 2
    assert browser.execute_script("return document.querySelector('.trainshed img').naturalWidth") == 1
    # The last line of the log is in view.
    bottom = "return document.querySelector(arguments[0]).getBoundingClientRect().bottom"
    assert abs(browser.execute_script(bottom, ".end") - browser.execute_script(bottom, ".end pre")) < 2
    log = browser.execute_script("return document.querySelector('.end').textContent")
    assert log.startswith(f"red {BAD}\nline 0\n")
    assert log.endswith("line 199\n100%\nthe end\n")
    browser.save_screenshot(str(pictures / "notebook.png"))
    ground = (
        "document.body.className = arguments[0]; document.body.dataset.jpThemeLight = arguments[1]; "
        "return getComputedStyle(document.querySelector('.trainshed')).backgroundColor"
    )
    dark, light = "rgb(20, 23, 26)", "rgb(255, 255, 255)"
    for classes, jupyter, color in (("vscode-dark", "", dark), ("", "false", dark), ("", "true", light)):
        assert browser.execute_script(ground, classes, jupyter) == color
    browser.execute_script("document.body.dataset.jpThemeLight = 'false'")
    browser.save_screenshot(str(pictures / "notebook-dark.png"))
    run.complete()
