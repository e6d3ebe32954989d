"""Run the route tests of Microsoft's public scoring server against ours.

``python tools/reference_routes.py FOLDER``, with a checkout of https://github.com/microsoft/azureml-inference-server
(MIT). Its own application is not imported: the names that its tests import lead to our modules, and its test client
sends its requests over a real socket to our server. What the tests themselves use is installed by uv.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from trainshed.environments.commands import find_uv

ROOT = Path(__file__).parents[1]
PACKAGES = ("pytest", "flask", "inference-schema")
LOGS = "about lines in its log of its own; ours has the script's output and tracebacks"
FLASK = "the request is not Flask's own object here, but has its names"
OTHER = "about how its own application is put together (setup, driver modules, exceptions), not about a route"
LENIENT = "a script that it refuses to load is accepted here"
NOT_OURS = {
    "test_routes_x_ms_request_id": LOGS,
    "test_script_not_found": LOGS,
    "test_import_error_in_main": OTHER,
    "test_user_script_load_main": OTHER,
    "test_user_script_load_driver": OTHER,
    "test_user_script_load_bad_indent": OTHER,
    "test_user_script_load_bad_run_signature": LENIENT,
    "test_user_script_user_import": OTHER,
    "test_user_script_init_exception": OTHER,
    "test_user_script_run_no_argument": LENIENT,
    "test_user_script_input_rawhttp_get": FLASK,
    "test_user_script_input_rawhttp_post": FLASK,
    "test_user_script_input_rawhttp_options": FLASK,
    "test_user_script_run_timer": "bounds a time from above by 10 ms, which a busy machine exceeds",
    "test_user_script_run_timeout": "its bound of 10 ms would include the start of our server for the test",
}
"""Tests of test_routes.py and test_user_script.py that do not apply, and why."""
STUB = "azureml_inference_server_http"
COMMON = '''
import http.client, json, multiprocessing, os, socket, tempfile, threading
from urllib.parse import urlencode

import inference_schema.schema_util
import pytest

from trainshed.runtime.scoring_connections import Connections
from trainshed.runtime.scoring_counts import Counts
from trainshed.runtime.scoring_script import Script
from trainshed.runtime.scoring_server import Answers


class Config:
    scoring_timeout = None
    cors_origins = None


def data_path(*parts):
    return os.path.join(*parts)


class TestingUserScript:
    pass


class TestingResponse:
    def __init__(self, answer):
        self.status_code, self.headers, self.data = answer.status, answer.headers, answer.read()

    @property
    def json(self):
        return json.loads(self.data)


class TestingApp:
    """The application of the tests: our server with their function, started at the first request."""

    def __init__(self, config):
        self.config, self.port, self.last_run = config, None, None
        self.set_user_run(lambda data: None)

    def set_user_run(self, run):
        self.script, self.port = Script(run), None
        inference_schema.schema_util.__functions_schema__.clear()

    def test_client(self):
        return TestingClient(self)

    def start(self):
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        listener.setblocking(False)
        self.port = listener.getsockname()[1]
        given = self.script.given

        def noted(*args):
            self.last_run = type("Run", (), {"input": given(*args)})
            return dict(self.last_run.input)

        self.script.given = noted
        access = {"name": "x", "auth": False, "address": "-", "keys": [], "cors": self.config.cors_origins}
        access["timeout_ms"] = self.config.scoring_timeout

        def serve():
            answers = Answers(self.script, access, Counts(tempfile.mkdtemp(dir=os.environ["COUNTS"])))
            Connections(listener, answers.judge, answers.score, 100, answers.longest).serve()

        if self.config.scoring_timeout:  # which needs the main thread of a process
            multiprocessing.get_context("fork").Process(target=serve, daemon=True).start()
        else:
            threading.Thread(target=serve, daemon=True).start()


class TestingClient:
    def __init__(self, app):
        self.app = app

    def open(self, path, method, data=None, json_=None, headers=None, query_string=None, content_type=None):
        if self.app.port is None:
            self.app.start()
        headers = dict(headers or {})
        if json_ is not None:
            data = json.dumps(json_)
            headers.setdefault("Content-Type", "application/json")
        if content_type:
            headers["Content-Type"] = content_type
        if query_string:
            path += "?" + urlencode(query_string, doseq=True)
        connection = http.client.HTTPConnection("127.0.0.1", self.app.port, timeout=30)
        connection.request(method, path, data, headers)
        answer = TestingResponse(connection.getresponse())
        connection.close()
        return answer

    def get(self, path, **kwargs):
        return self.open(path, "GET", **kwargs)

    def post(self, path, **kwargs):
        return self.open(path, "POST", **kwargs)

    def delete(self, path):
        return self.open(path, "DELETE")

    def get_health(self):
        return self.get("/")

    def get_score(self, params=None, **kwargs):
        return self.get("/score", query_string=params, **kwargs)

    def post_score(self, json=None, **kwargs):
        return self.open("/score", "POST", json_=json, **kwargs)

    def options_score(self, **kwargs):
        return self.open("/score", "OPTIONS", **kwargs)

    def score(self, method, input_data=None, **kwargs):
        return (self.get_score if method == "GET" else self.post_score)(input_data, **kwargs)
'''
CONFTEST = """
import pytest

from .common import Config, TestingApp


@pytest.fixture
def config():
    return Config()


@pytest.fixture
def app(config):
    return TestingApp(config)


@pytest.fixture
def client(app):
    return app.test_client()


@pytest.fixture
def app_cors(config):
    config.cors_origins = "www.microsoft.com,  www.bing.com"
    return TestingApp(config)
"""
MODULES = {
    "__init__": "",
    "api/__init__": "",
    "api/aml_request": "from trainshed.runtime.scoring_request import AMLRequest, rawhttp",
    "api/aml_response": "from trainshed.runtime.scoring_response import AMLResponse",
    "server/__init__": "",
    "server/routes": "from trainshed.runtime.scoring_server import LONGEST_ID as HEADER_LIMIT",
    "server/user_script": "UserScriptError = UserScriptException = UserScriptImportException = Exception",
}
"""What their tests import of their server."""


def main() -> int:
    """Run the tests; return pytest's exit code."""
    given = Path(sys.argv[1]) / "tests" / "server"
    with tempfile.TemporaryDirectory(prefix="reference-") as name:
        folder = Path(name)
        (folder / "routes").mkdir()
        (folder / "routes" / "__init__.py").touch()
        for file in ("test_routes.py", "test_user_script.py", "test_compat.py", "utils.py"):
            shutil.copy(given / file, folder / "routes")
        (folder / "routes" / "common.py").write_text(COMMON)
        (folder / "routes" / "conftest.py").write_text(CONFTEST)
        for module, text in MODULES.items():
            (folder / STUB / module).parent.mkdir(parents=True, exist_ok=True)
            (folder / STUB / f"{module}.py").write_text(text + "\n")
        python = folder / "venv" / "bin" / "python"
        subprocess.run([find_uv(), "venv", "-q", "--python", sys.executable, folder / "venv"], check=True)
        subprocess.run([find_uv(), "pip", "install", "-q", "--python", python, *PACKAGES], check=True)
        argv: list[str | Path] = [
            python,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "--rootdir",
            folder,
            folder / "routes",
        ]
        argv += [
            f"--deselect=routes/{file}::{test}"
            for test in NOT_OURS
            for file in ("test_routes.py", "test_user_script.py")
        ]
        env = {**os.environ, "COUNTS": str(folder), "PYTHONPATH": os.pathsep.join((str(folder), str(ROOT / "src")))}
        code = subprocess.run(argv, cwd=folder, env=env, check=False).returncode
    for test, why in NOT_OURS.items():
        print(f"not run: {test}: {why}")
    return code


if __name__ == "__main__":
    sys.exit(main())
