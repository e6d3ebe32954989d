"""``RunDetails(run).show()`` in a real notebook, in a real browser."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from waiting import until_printed

from trainshed import Experiment, Workspace

pytest.importorskip("notebook")
pytest.importorskip("ipywidgets")

CELL = """
from trainshed import Workspace
from trainshed.widgets import RunDetails
RunDetails(Workspace().get_run("{0}")).show()
"""


@pytest.fixture
def notebook(tmp_path: Path, home: Path) -> Iterator[str]:
    """A notebook server over ``tmp_path/notebooks``; its address, with ``{}`` where a notebook's name goes."""
    (tmp_path / "notebooks").mkdir()
    source = Path(__file__).parents[2] / "src"
    places = {f"JUPYTER_{kind}_DIR": str(tmp_path / kind) for kind in ("CONFIG", "RUNTIME", "DATA")}
    env = {**os.environ, **places, "IPYTHONDIR": str(tmp_path / "ipython"), "PYTHONPATH": str(source)}
    options = ["--no-browser", "--port=0", "--ServerApp.token=key", "--allow-root", "--ServerApp.port_retries=50"]
    server = subprocess.Popen(
        [sys.executable, "-m", "notebook", *options, f"--ServerApp.root_dir={tmp_path / 'notebooks'}"],
        env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    port = until_printed(server, r"http://127\.0\.0\.1:(\d+)/").group(1)  # it tells it in its log alone
    yield f"http://127.0.0.1:{port}/notebooks/{{}}?token=key"
    server.terminate()
    try:
        server.wait(20)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def test_a_run_is_followed_in_a_notebook(workspace: Workspace, notebook: str, browser: Any, tmp_path: Path) -> None:
    from selenium.common.exceptions import WebDriverException
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys
    from selenium.webdriver.support.ui import WebDriverWait

    run = Experiment(workspace, "seen").start_logging(snapshot_directory=None)
    run.log("loss", 1.0)
    run.log("loss", 0.5)
    cell: dict[str, Any] = {
        "cell_type": "code",
        "source": CELL.format(run.id),
        "metadata": {},
        "outputs": [],
        "execution_count": None,
    }
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    content = {"cells": [cell], "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}
    (tmp_path / "notebooks" / "one.ipynb").write_text(json.dumps(content))

    def seen(*texts: str) -> Any:
        def all_there(driver: Any) -> bool:
            shown = driver.find_elements(By.CSS_SELECTOR, ".trainshed")
            return bool(shown) and all(text in shown[0].get_attribute("outerHTML") for text in texts)

        return all_there

    def ran(driver: Any) -> bool:
        """Run the first cell, as often as it takes until it counts as run: at first the page replaces its parts."""
        prompt = driver.find_element(By.CSS_SELECTOR, ".jp-Notebook .jp-InputPrompt").text
        if prompt.strip() in ("", "[ ]:"):
            driver.find_element(By.CSS_SELECTOR, ".jp-Notebook .jp-Cell .cm-line").click()
            ActionChains(driver).key_down(Keys.SHIFT).send_keys(Keys.ENTER).key_up(Keys.SHIFT).perform()
        return prompt.strip() not in ("", "[ ]:")

    wait = WebDriverWait(browser, 60, ignored_exceptions=[WebDriverException])
    browser.get(notebook.format("one.ipynb"))
    wait.until(ran)
    wait.until(seen(run.id, "Running", "loss", "polyline", f'href="{run.get_portal_url()}"'))
    # From here on nobody touches the page.
    run.log("accuracy", 0.9)
    wait.until(seen("accuracy"))
    with run.child_run("fold") as child:  # type: ignore[attr-defined]
        child.log("x", 1)
    run.complete()
    wait.until(seen("Completed", "fold"))
    browser.save_screenshot(str(tmp_path / "notebook.png"))
