"""The page of the web services: what they have answered, and the form to try one."""

from __future__ import annotations

import http.client
import re
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest
from test_page import Browser

from azureml.core.model import InferenceConfig
from trainshed import Environment, Model, Workspace
from trainshed.cli.main import main

SCORE = "import json\n\n\ndef run(data):\n    return {'twice': 2 * json.loads(data)}\n"


def listed(browser: Browser) -> dict[str, str]:
    """Return the cells of the only service in the list."""
    text = browser.ask("data/services")[2]
    cells = re.findall(r'<td class="c-(\w+)[^>]*>(.*?)</td>', text, re.DOTALL)
    assert len(cells) == len({name for name, _ in cells}), text
    return {name: re.sub(r"<[^>]*>", "", cell).strip() for name, cell in cells}


def test_services_are_listed_counted_and_tried(
    workspace: Workspace,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    this_python: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("score.py").write_text(SCORE)
    environment = Environment("serving")
    environment.python.user_managed_dependencies = True
    environment.python.interpreter_path = this_python
    service = Model.deploy(workspace, "twice", [], InferenceConfig("score.py", environment=environment))
    service.wait_for_deployment()
    browser = Browser(workspace)
    assert browser.ask("data/services")[0] == 401
    assert browser.ask("data/services/call", urlencode({"name": "twice", "body": "1"}))[0] == 401
    browser.log_in()
    status, headers, text = browser.ask("services")
    assert (status, "script-src 'self'" in headers["content-security-policy"]) == (200, True)
    assert "twice" not in text  # the document has no data
    row = listed(browser)
    assert (row["state"], row["name"], row["models"], row["requests"], row["ms_50"]) == (
        "Healthy",
        "twice",
        "",
        "0",
        "",
    )
    for body, expected in (("21", 200), ("'", 500), ('"ab"', 200)):
        status, _, text = browser.ask("data/services/call", urlencode({"name": "twice", "body": body}))
        assert (status, f"status {expected}, " in text, "cut off" in text) == (200, True, False)
    assert "&#34;twice&#34;: &#34;abab&#34;" in text
    assert browser.ask("data/services/call", urlencode({"name": "none", "body": ""}))[0] == 404
    row = listed(browser)
    assert (row["requests"], row["failed"]) == ("3", "1")
    assert 0 < float(row["ms_50"]) <= float(row["ms_99"])
    assert float(row["per_second"]) > 0
    capsys.readouterr()
    assert main(["services", "show", "twice"]) == 0
    assert "requests  3, 1 of them failed" in capsys.readouterr().out
    # The counts themselves want a key, even where requests need none.
    service.update(auth_enabled=False, wait=True)
    for key, expected in (("wrong", 401), (service.get_keys()[1], 200)):
        connection = http.client.HTTPConnection(urlsplit(service.scoring_uri).netloc)
        connection.request("GET", "/trainshed/requests", headers={"Authorization": f"Bearer {key}"})
        assert connection.getresponse().status == expected
        connection.close()
    service.delete()
    assert "No web services yet" in browser.ask("data/services")[2]
