"""Run MLflow's own REST tests against Trainshed's service.

    git clone --depth 1 --branch v3.17.2 https://github.com/mlflow/mlflow /tmp/mlflow
    uv venv /tmp/mlflow-env
    uv pip install --python /tmp/mlflow-env/bin/python mlflow==3.17.2 pytest pytest-asyncio httpx
    .venv/bin/python tools/mlflow_tests.py /tmp/mlflow /tmp/mlflow-env/bin/python

The tests and the client are MLflow's, unmodified. Each test gets a service of its own, in a new folder, in place of the
server that it would start. What follows the two arguments goes to pytest.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

FILES = ("tests/tracking/test_rest_tracking.py", "tests/tracking/test_model_registry.py")
OTHER = {
    "tracing": ("trace", "span", "assessment", "otel", "online_scoring"),
    "evaluation and prompts": ("evaluation_dataset", "scorer", "promptlab", "_rest_tracking", "issue"),
    "gateway": (
        "secret",
        "endpoint",
        "gateway",
        "list_providers",
        "list_models",
        "provider_config",
        "model_definition",
    ),
    "the inside of MLflow's server and page": (
        "graphql",
        "calls_optimized_impl",
        "with_validation_regex",
        "upload_artifact_handler",
        "workspace",
    ),
}
"""What Trainshed does not have: why, and what the names of such tests contain."""
_TRAINSHED = "TRAINSHED_UNDER_TEST"


class Service:
    """A service in a new folder, where the tests would start a server: ``with Service(…) as address``."""

    def __init__(self, *_: Any, **__: Any) -> None:
        self._home = tempfile.mkdtemp(prefix="mlflow-tests-")

    def _call(self, *arguments: str) -> str:
        env = {**os.environ, "TRAINSHED_HOME": self._home}
        argv = [os.environ[_TRAINSHED], *arguments]
        return subprocess.run(argv, env=env, capture_output=True, text=True, check=True).stdout

    def __enter__(self) -> str:
        """Start it, and let this process's clients have its token."""
        importlib.import_module("mlflow").set_tracking_uri(None)
        facts = json.loads(self._call("service", "access", "--mlflow", "--json"))
        os.environ["MLFLOW_TRACKING_TOKEN"] = facts["token"]
        return str(facts["address"])

    def __exit__(self, *_: object) -> None:
        """Stop it."""
        self._call("service", "stop")
        os.environ.pop("MLFLOW_TRACKING_TOKEN", None)
        shutil.rmtree(self._home, ignore_errors=True)


@contextlib.contextmanager
def _in_place(*_: Any, **__: Any) -> Any:
    with Service() as address:
        yield address


def _nothing(*_: Any, **__: Any) -> None:
    """Stand for what a server of MLflow's would need."""


def _send_tokens() -> None:
    """Have requests that the tests send without MLflow's client carry the token, too."""
    session = importlib.import_module("requests").Session
    plain = session.request

    def request(self: Any, method: str, url: str, **more: Any) -> Any:
        token = os.environ.get("MLFLOW_TRACKING_TOKEN")
        headers = dict(more.pop("headers", None) or {})
        if token and urlsplit(url).hostname == "127.0.0.1":
            headers.setdefault("Authorization", f"Bearer {token}")
        return plain(self, method, url, headers=headers, **more)

    session.request = request


def pytest_collection_modifyitems(config: Any, items: list[Any]) -> None:
    """Leave out what Trainshed does not have, and put the service in the place of MLflow's servers."""
    _send_tokens()
    left: dict[str, int] = {}
    kept: list[Any] = []
    out: list[Any] = []
    for item in items:
        reason = next((why for why, words in OTHER.items() if any(word in item.name for word in words)), None)
        if reason or "[file" in item.name:
            left[reason or "MLflow's file store, which it skips itself"] = left.get(reason or "", 0) + 1
        (out if reason or "[file" in item.name else kept).append(item)
        doubles = ("ServerThread", Service), ("_init_server", _in_place), ("initialize_backend_stores", _nothing)
        for name, instead in doubles:
            if hasattr(item.module, name):
                setattr(item.module, name, instead)
    items[:] = kept
    config.hook.pytest_deselected(items=out)
    config.stash_of_reasons = left


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say what was left out."""
    counts = {kind: len(terminalreporter.stats.get(kind, ())) for kind in ("passed", "failed", "error", "xfailed")}
    terminalreporter.write_line(f"of those that concern Trainshed: {counts}")
    for reason, count in getattr(terminalreporter.config, "stash_of_reasons", {}).items():
        terminalreporter.write_line(f"left out, {reason}: {count}")


def main() -> int:
    """Run them."""
    if len(sys.argv) < 3:
        print(__doc__)
        return 2
    checkout, python, *more = sys.argv[1:]
    here = Path(__file__).resolve()
    env = {
        **os.environ,
        _TRAINSHED: str(Path(sys.executable).parent / "trainshed"),
        "PYTHONPATH": os.pathsep.join([str(here.parent), checkout]),
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    }
    files = [] if any(each.startswith("tests/") for each in more) else list(FILES)
    argv = [python, "-m", "pytest", "-p", here.stem, "-p", "no:cacheprovider", "-q", *files, *more]
    return subprocess.run(argv, cwd=checkout, env=env, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
