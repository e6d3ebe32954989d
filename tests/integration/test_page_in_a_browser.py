"""The page in a real browser: what people see without reloading, and do. Pictures are kept in build/pictures."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from browser_page import Page
from sweeping import config, estimator_of

from trainshed import Environment, Experiment, Model, ScriptRunConfig, Workspace
from trainshed.api.hyperdrive import GridParameterSampling, choice
from trainshed.api.runs.run import Run

BAD = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def page(
    browser: Any,
    pictures: Path,
    tmp_path_factory: pytest.TempPathFactory,
    open_workspace: Callable[[pytest.MonkeyPatch], AbstractContextManager[Workspace]],
) -> Iterator[Page]:
    """The page of a workspace, in a browser that has been logged in."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRAINSHED_HOME", str(tmp_path_factory.mktemp("home")))
        patch.delenv("TRAINSHED_WORKSPACE", raising=False)
        with open_workspace(patch) as workspace, Page.of(browser, workspace, pictures) as made:
            workspace.connection.call("GET", "/service")
            made.size(1440, 900)
            browser.get(made.base)
            made.until("return document.querySelector('dialog.login')")
            made.check()
            browser.get(f"about:blank?{os.getpid()}")
            browser.get(f"{made.base}#code={workspace.connection.call('POST', '/page')['code']}")
            made.until("return document.documentElement.dataset.ready")
            assert browser.execute_script("return location.hash") == ""
            yield made


def begun(page: Page, name: str, **tags: str) -> Run:
    """Return a run that goes on, with something of every kind logged."""
    run = Experiment(page.workspace, "shown").start_logging(
        snapshot_directory=None, display_name=name, tags={"why": BAD, **tags}
    )
    for step in range(60):
        run.log("train/loss", 2 / (step + 1), step=step)
        run.log("train/accuracy", 1 - 1 / (step + 1), step=step)
    for step in range(0, 60, 10):
        run.log("val/loss", 2.2 / (step + 1), step=step)
    run.log_table("per class", {"class": ["cat", BAD], "precision": [0.9, 0.8]})
    matrix = {"class_labels": ["cat", "dog"], "matrix": [[8, 1], [2, 9]]}
    run.log_confusion_matrix("confusion", {"schema_type": "confusion_matrix", "schema_version": "1", "data": matrix})
    return run


def test_the_table_lives_without_reloading(page: Page) -> None:
    page.open("")
    page.shows("No runs yet.")
    first, second = begun(page, "first"), begun(page, f"second {BAD}")
    page.shows("first", f"second {BAD}", "Running")
    first.log("val/loss", 0.001234)
    first.complete()
    page.shows("Completed", "0.001234", "0.04314")
    second.log("val/loss", 0.003456)
    page.shows("0.003456")  # of one that goes on
    page.open("")
    page.shows("0.001234")
    page.check()
    page.picture("runs")
    page.press("j")
    page.press(" ")
    page.press("j")
    page.press(" ")
    page.shows("2 selected", "Cancel 1 active")
    page.press("g")
    page.until("return document.querySelector('dialog[open] input')").send_keys("best\n")
    page.shows("+1")
    assert "best" in page.workspace.get_run(second.id).get_tags()
    page.press("/")
    page.press("status:completed")
    page.until("return document.querySelectorAll('.tabulator-row[data-id]').length === 1")
    page.until("return location.search === '?filter=status%3Acompleted'")
    page.size(1440, 900, "dark")
    page.open("?group=experiment")
    page.shows("2 runs")
    page.check()
    page.picture("runs-dark")
    page.size(390, 844)
    page.check()
    page.picture("runs-phone")
    page.size(1440, 900)
    second.complete()


def test_a_run_is_watched(page: Page) -> None:
    run = begun(page, f"watched {BAD}")
    page.open(f"runs/{run.id}")
    page.shows(f"watched {BAD}", "loss", "accuracy", "confusion", "per class", "Running")
    page.until("return document.querySelectorAll('.uplot').length === 2")
    # What is logged now is drawn, and what is printed is shown, with its colours and without obeying it.
    before = page.browser.execute_script("return Number(document.querySelector('#charts').dataset.live ?? 0)")
    run.log("train/loss", 0.0123, step=60)
    page.until("return Number(document.querySelector('#charts').dataset.live ?? 0) > arguments[0]", before)
    page.shows("0.01230")
    log = page.workspace.connection
    text = f"\x1b[31mred {BAD}\x1b[0m\n" + "".join(f"line {i}\n" for i in range(300)) + "epoch 1\repoch 2\r\nthe end\n"
    log.upload("POST", f"/runs/{run.id}/log?offset=0", text.encode())
    page.shows("the end", "epoch 2")
    assert not page.browser.execute_script("return document.querySelector('#log .lines').innerText.includes('epoch 1')")
    page.press("/")
    page.press("RED <img")
    page.shows("1 of 1")
    page.until("return document.querySelector('#log .cur mark') && document.querySelector('#log .a-red')")
    page.browser.execute_script("document.activeElement.blur()")
    page.press("l")
    page.until("return document.querySelector('[aria-label=\"Y axis\"] [aria-pressed=true]').textContent === 'Log'")
    page.press("l")
    page.picture("run")
    page.check()
    # Its end comes by itself.
    run.upload_file("outputs/table.csv", __file__)
    run.fail("It did not work", "Because")
    page.shows("Failed", "It did not work", "table.csv")
    page.size(1440, 900, "dark")
    page.check()
    page.picture("run-failed-dark")
    page.size(390, 844)
    page.open(f"runs/{run.id}")
    page.shows("loss")
    page.check()
    page.picture("run-phone")
    page.size(1440, 900)


def test_charts_are_zoomed_together(page: Page) -> None:
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.by import By

    run = begun(page, "zoomed")
    run.complete()
    page.open(f"runs/{run.id}")
    page.until("return document.querySelectorAll('.uplot').length === 2")
    over = page.browser.find_element(By.CSS_SELECTOR, ".u-over")
    ActionChains(page.browser).move_to_element(over).click_and_hold().move_by_offset(60, 0).release().perform()
    page.until("return document.querySelector('#charts').dataset.zoom")
    page.until("return document.querySelector('.ch .x').textContent.startsWith('step')")
    ActionChains(page.browser).double_click(over).perform()
    page.until("return document.querySelector('#charts').dataset.zoom === ''")


def chart(kind: str, **data: Any) -> dict[str, Any]:
    """Return what v1's calls for charts take."""
    return {"schema_type": kind, "schema_version": "1.0.0", "data": data}


def test_what_a_run_has_made_is_looked_at(page: Page, tmp_path: Path) -> None:
    from selenium.webdriver.common.by import By

    run = begun(page, "made")
    counts: dict[str, Any] = {"probability_tables": [[[9, 10, 0, 1], [2, 1, 9, 8]]], "class_labels": ["cat"]}
    run.log_accuracy_table("roc", chart("accuracy_table", **counts))
    run.log_residuals("left over", chart("residuals", bin_edges=[0, 1, 2], bin_counts=[3, 4]))
    page.picture("small")
    run.log_image("drawn", path=str(page.pictures / "small.png"))
    files = {"t.csv": f"a,b\n1,{BAD}\n", "t.json": '{"deep": [1, 2]}', "t.txt": "plain text", "t.bin": "\0\1"}
    for name, text in files.items():
        (tmp_path / name).write_text(text)
        run.upload_file(f"outputs/{name}", str(tmp_path / name))
    run.child_run("fold 1").complete()
    page.open(f"runs/{run.id}")
    page.shows("roc", "left over", "7 residuals", "drawn", "fold 1")
    for each in page.browser.find_elements(By.CSS_SELECTOR, ".more-charts, [data-metric]"):
        page.browser.execute_script("arguments[0].scrollIntoView()", each)
    page.until("return document.querySelectorAll('.card canvas').length === 3 && document.querySelector('.card img')")
    for name, shown in (
        ("t.csv", BAD),
        ("t.json", '"deep"'),
        ("t.txt", "plain text"),
        ("t.bin", "This file is no text"),
    ):
        page.until(f"return document.querySelector('[data-file=\"outputs/{name}\"]')").click()
        page.until("return document.querySelector('.prev').innerText.includes(arguments[0])", shown)
    # What is written about it stays.
    page.browser.find_element(By.CSS_SELECTOR, "textarea").send_keys("worth keeping")
    page.browser.execute_script("document.activeElement.blur()")
    page.until("return document.activeElement === document.body")
    page.press("s")
    page.until("return document.querySelector('[aria-label=\"X axis\"] [aria-pressed=true]').textContent === 'Time'")
    page.press("s")
    smooth = "const slider = document.querySelector('.sl input'); slider.value = arguments[0]; "
    smooth += "slider.dispatchEvent(new Event('input')); return document.querySelector('.sl output').textContent"
    assert [page.browser.execute_script(smooth, each) for each in ("0", "60")] == ["0.00", "0.60"]
    page.press("x")
    page.until("return document.querySelector('dialog[open] .btn.bad')").click()
    page.shows("Canceled")
    assert page.workspace.get_run(run.id).description == "worth keeping"
    page.check()
    page.press("e")
    page.shows("Restore")
    page.browser.find_element(By.CSS_SELECTOR, ".top .btn.bad").click()
    page.until("return document.querySelector('dialog[open] .btn.bad')").click()
    page.until("return location.pathname.endsWith('/pages/')")
    lines = [line["message"] for line in page.browser.get_log("browser") if line["level"] == "SEVERE"]
    assert [line for line in lines if run.id not in line] == []  # what was asked for while it was deleted is not there
    assert run.id not in [each.id for each in Experiment(page.workspace, "shown").get_runs(include_children=True)]


def test_columns_are_chosen_and_queues_are_told(page: Page, project: Path, this_python: str) -> None:
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.by import By

    environment = Environment("here")
    environment.python.user_managed_dependencies = True
    environment.python.interpreter_path = this_python
    (project / "train.py").write_text("import time\nprint('up', flush=True)\ntime.sleep(600)")
    page.workspace.connection.call("PUT", "/targets/local", {"kind": "local", "slots": 1})
    config = ScriptRunConfig(str(project), "train.py", ["--lr", 0.5], environment=environment)
    going, waiting = (Experiment(page.workspace, "queued").submit(config) for _ in range(2))
    page.open(f"runs/{waiting.id}")
    page.shows("next for local", "The log starts when it runs.", "--lr 0.5")
    waiting.cancel()
    page.shows("Canceled")
    going.cancel()
    page.open("?group=sweep")
    page.until("return document.querySelector('.top .btn')").click()
    for name in ("Tags", "Target"):
        box = f"return [...document.querySelectorAll('dialog .pick')].find((each) => each.textContent === '{name}')"
        page.until(box).click()
    page.browser.find_element(By.CSS_SELECTOR, "dialog .primary").click()
    heads = "return [...document.querySelectorAll('.tabulator-header .th')].map((each) => each.textContent)"
    page.until(f"{heads}.includes('Took') && !({heads.removeprefix('return ')}).includes('Tags')")
    page.open("")
    found = page.browser.execute_script(heads)
    assert "Name" in found
    assert not {"Tags", "Target"} & set(found)
    page.browser.find_element(By.CSS_SELECTOR, ".tabulator-col.c-name .th").click()
    page.until("return document.querySelector('.tabulator-col.c-name').ariaSort === 'ascending'")
    # A column that is dragged elsewhere stays there.
    took, name = (page.browser.find_element(By.CSS_SELECTOR, f".tabulator-col.c-{each}") for each in ("took", "name"))
    ActionChains(page.browser).click_and_hold(took).perform()
    page.until("return document.querySelector('.tabulator-moving')")
    ActionChains(page.browser).move_to_element_with_offset(name, -20, 0).release().perform()
    page.open("")
    order = page.browser.execute_script(heads)
    assert order.index("Took") < order.index("Name")
    page.browser.execute_script(
        "for (const key of Object.keys(localStorage)) if (key !== 'trainshed-session') localStorage.removeItem(key)"
    )


def test_runs_are_compared(page: Page, tmp_path: Path) -> None:
    runs = [begun(page, name) for name in ("one", "two", BAD)]
    runs[1].log("train/loss", 0.0001)
    for run in runs:
        run.complete()
    page.open(f"compare?runs={','.join(run.id for run in runs)}")
    page.shows("Compare 3 runs", "baseline", "train/loss", "1.00e-4", BAD)
    page.until("return document.querySelectorAll('.uplot').length === 3")
    page.check()
    page.picture("compare")
    made = []
    for rate in ("0.1", "0.2"):
        (tmp_path / "train.py").write_text(f"rate = {rate}\n")
        made.append(Experiment(page.workspace, "shown").start_logging(snapshot_directory=str(tmp_path)))
        made[-1].complete()
    page.open(f"compare?runs={','.join(run.id for run in made)}")
    page.until(
        "return [...document.querySelectorAll('.link')].find((each) => each.textContent.startsWith('Diff'))"
    ).click()
    page.until("return document.querySelector('dialog .df .m')?.textContent === '-rate = 0.1'")
    page.until("return document.querySelector('dialog .df .p')?.textContent === '+rate = 0.2'")


def test_a_sweep_is_looked_at(page: Page, tmp_path: Path) -> None:
    """Ten trials are enough for what mattered; one has failed, and the metric says which is best."""
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys

    space = GridParameterSampling({"--alpha": choice(0.1, 0.2, 0.4, 0.8, 1.6, "none"), "--layers": choice(1, 2)})
    what = config(estimator_of(tmp_path)(), space, 12)
    sweep = Experiment(page.workspace, "swept").submit(what)
    page.open(f"runs/{sweep.id}")
    page.shows("What mattered")
    # Everything comes by itself from here on.
    page.until("return document.querySelector('#charts').dataset.trials === '12'")
    page.shows("maximize accuracy · grid search", "12 of at most 12 trials")
    names = "return [...document.querySelectorAll('.im .nm')].map((each) => each.textContent).join()"
    page.until(f"{names} === '--alpha,--layers'")
    page.until("return document.querySelector('.st4 .st.completed') && document.querySelector('.st4 .st.failed')")
    page.until("return document.querySelector('#best').dataset.drawn")
    page.until("return document.querySelector('[data-lines]').dataset.lines === '10'")
    page.until("return document.querySelector('.trials .tabulator-row.pin a').textContent === 'trial 9'")
    # A part of an axis is chosen, by the pointer or by keys.
    lines = page.browser.find_element(By.CSS_SELECTOR, ".pc")
    right, down = lines.size["width"] / 2 - 64, lines.size["height"] / 2
    actions = ActionChains(page.browser).move_to_element_with_offset(lines, right, 26 - down)
    actions.click_and_hold().move_by_offset(0, 60).release().perform()
    page.until("return document.querySelector('.kept').textContent.startsWith('1 of 10 kept: accuracy')")
    assert page.browser.execute_script("return document.querySelectorAll('.trials .tabulator-row.out').length") == 11
    page.browser.execute_script("document.querySelector('.pc').focus()")
    page.press(Keys.ESCAPE)
    page.until("return document.querySelector('.kept').textContent === ''")
    page.press(Keys.ARROW_RIGHT + Keys.ARROW_UP)
    page.until("return document.querySelector('.kept').textContent.includes('alpha')")
    page.press(Keys.ESCAPE)
    page.browser.find_element(By.CSS_SELECTOR, ".trials [tabulator-field=number] button").click()
    page.until("return document.querySelector('.trials .tabulator-row a').textContent === 'trial 11'")
    page.check()
    page.picture("sweep")
    page.size(1440, 900, "dark")
    page.check()
    page.picture("sweep-dark")
    page.size(390, 844)
    page.check()
    page.picture("sweep-phone")
    page.size(1440, 900)
    # A line leads to its run.
    ActionChains(page.browser).move_to_element_with_offset(lines, right - 30, 32 - down).perform()
    page.until("return document.querySelector('.pc').dataset.marked === '9'")
    ActionChains(page.browser).click().perform()
    page.until("return location.pathname.endsWith('_9')")


def test_services_are_listed_and_tried(
    page: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, this_python: str
) -> None:
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys

    from azureml.core.model import InferenceConfig

    page.open("services")
    page.shows("No web services yet")
    page.check()
    monkeypatch.chdir(tmp_path)
    Path("score.py").write_text(f"def run(data):\n    return data + {BAD!r}\n")
    environment = Environment("serving")
    environment.python.user_managed_dependencies = True
    environment.python.interpreter_path = this_python
    service = Model.deploy(page.workspace, "echo", [], InferenceConfig("score.py", environment=environment))
    page.shows("1 service", "echo", "Healthy", "Try echo")  # by itself
    field = page.browser.find_element(By.TAG_NAME, "textarea")
    field.clear()
    field.send_keys("hello ", Keys.CONTROL, Keys.ENTER)
    page.shows("status 200", f"hello {BAD}")
    page.until("return document.querySelector('td.c-requests').textContent === '1'")
    assert page.browser.execute_script("return Number(document.querySelector('td.c-ms_50').textContent) > 0")
    page.check()
    page.picture("services")
    page.size(390, 844, "dark")
    page.open("services?name=echo")
    page.shows("Healthy")
    assert page.browser.execute_script("return document.querySelector('textarea').value") == "hello "
    page.check()
    page.picture("services-phone-dark")
    page.size(1440, 900)
    service.delete()
    page.open("services")
    page.shows("No web services yet")
