"""Every route of the service, with values that no client of ours would send: refusals are sentences, never 5xx."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import json
import os
import random
import re
import socket
import sqlite3
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, quote_from_bytes, unquote

import pytest
from service_fixture import ServiceFixture
from starlette.routing import Route

from trainshed.errors import NotFoundException
from trainshed.runtime.mlflow_words import FIELDS, model_made
from trainshed.service.access import Access
from trainshed.service.app import ALL, application
from trainshed.service.context import ServiceContext
from trainshed.service.guard import DATA, LOGIN, PUBLIC
from trainshed.service.mlflow.routes import TABLE
from trainshed.service.target_worker import TargetWorker
from trainshed.spec.codec import from_json
from trainshed.spec.run import RunSpec
from trainshed.store.mlflow import LOGGED_MODEL
from trainshed.web.sessions import Sessions

SEED = 20261125
REQUESTS = 20_000
AT_ONCE = 8
PORT = 1234
TOKEN = "secret"
RUN = "fuzzed_1"
SNAPSHOT = "a" * 64
NAMES = [RUN, "local", "workspaceblobstore", "known", "model", "dataset", "environment", "1", "0", SNAPSHOT, "b" * 32]
TEXTS = [
    *("", ".", "..", "../../../../outside", "../service.json", "a", "a/b", "a//b", "/nonexistent/x", "a/../../b", "~"),
    *(
        "\0",
        "a\0b",
        "\ud800",
        "a\udcffb",
        "é",
        "名",
        "²",
        "٣",
        "%",
        "%00",
        "'",
        '"',
        "; DROP TABLE runs; --",
        "\\",
        "a\\b",
    ),
    *("x" * 256, "x" * 5000, "a/" * 300 + "a", " ", "\n", "a\nb", "\x1b[2J", "-", "-1", "--1", "1" * 19, "9" * 5000),
    *(
        "1.5",
        "1e999",
        "nan",
        "inf",
        "True",
        "null",
        "[",
        "*",
        "**/*",
        "[!",
        ".trash",
        "incoming",
        "outputs/x",
        "user_logs",
    ),
    *("azureml-logs/70_driver_log.txt", "link/x", "file/x", "known:1", "<script>", "{run}", "${HOME}", "Completed"),
]
SPEC = {"experiment": "known", "command": ["true"], "environment": {"kind": "existing"}}
SAMPLES: dict[str, Any] = {
    "spec": {
        **SPEC,
        "arguments": ["a"],
        "environment_variables": {"A": "b"},
        "data": [{"name": "d", "datastore": "workspaceblobstore", "path": "x"}],
        "inputs": [{"name": "i", "definition": '{"type": "file", "paths": [], "steps": []}'}],
        "outputs": [{"name": "o", "datastore": "workspaceblobstore", "path": "x", "tags": {"a": "b"}}],
        "container": {"image": "image", "gpus": False},
        "tags": {"a": "b"},
        "max_run_duration_seconds": 10,
        "grace_seconds": 2.0,
        "node_count": 1,
        "parent": RUN,
        "snapshot": SNAPSHOT,
    },
    "entries": [
        {"path": "a", "kind": "file", "sha256": SNAPSHOT, "size": 1, "mode": 420},
        {"path": "b", "kind": "folder", "mode": 493},
        {"path": "c", "kind": "link", "target": "a"},
    ],
    "owner": {"pid": 1, "start": 1, "boot": "x"},
    "submit_id": "c" * 32,
    "set": {"a": "b"},
    "tags": {"a": "b"},
    "properties": {"a": "b"},
    "record": {"folder": "b" * 32, "packages": ["a"], "paths": [{"datastore": "workspaceblobstore", "path": "x"}]},
    "names": ["a"],
    "remove": ["a"],
    "delete": ["a"],
    "upload": "b" * 32,
    "name": "known",
    "outcome": "completed",
    "message": "m",
    "kind": "folder",
    "slots": 2,
    "unused_days": 1,
}
PARTS = {
    "route": ["runs/get", "logged-models/m-1", "experiments/search", "registered-models/alias"],
    "run": [RUN],
    "name": ["known", "local", "workspaceblobstore", "outputs/x", "outputs/link/x", "azureml-logs/70_driver_log.txt"],
    "path": ["file", "link/x", "file/x", "new/x", "x"],
    "kind": ["model", "dataset", "environment"],
    "version": ["1", "2", "9" * 18],
    "token": ["b" * 32],
    "snapshot": [SNAPSHOT],
}
MLFLOW: dict[str, Any] = {
    **dict.fromkeys(("run_id", "source_run_id"), RUN),
    **dict.fromkeys(("experiment_id", "experiment_name", "new_name"), "0"),
    "experiment_ids": ["0", RUN],
    "run_ids": ["0", RUN],
    "tags": [{"key": "a", "value": "b"}],
    "params": [{"key": "a", "value": "b"}],
    **dict.fromkeys(("max_results", "start_step", "end_step", "step", "start_time", "end_time"), 5),
    **dict.fromkeys(("path", "artifact_directory_path", "artifact_file_path"), "x"),
    **dict.fromkeys(("name", "key", "metric_key", "alias"), "known"),
    "metrics": [{"key": "known", "value": 0.5, "timestamp": 1, "step": 1, "model_id": "m-1"}],
    "datasets": [{"dataset": {"name": "d", "digest": "1"}, "tags": [{"key": "a", "value": "b"}]}],
    "models": [{"model_id": "m-1", "step": 1}],
    "filter": "tags.a = 'b'",
    "order_by": ["tags.a DESC"],
    "stages": ["None"],
    "stage": "Staging",
    "status": "FINISHED",
    "value": "1",
    "timestamp": 1,
    "version": "1",
    "source": f"runs:/{RUN}/outputs",
    "model_json": "{}",
}
METHODS = ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "FOO"]
SEVERAL = ["writer", "offset", "follow", "key", "nonce", "tag", "limit", "before", "version", "prefix", "path"]
JSON: list[Any] = [
    *(
        None,
        True,
        False,
        0,
        1,
        -1,
        0.5,
        2**31,
        2**63 - 1,
        2**63,
        -(2**63) - 1,
        10**400,
        float("nan"),
        float("-inf"),
        1e308,
    ),
    *(
        [],
        {},
        [[]],
        [None],
        [{}],
        {"a": {}},
        {"": ""},
        {"\ud800": "\udfff"},
        ["\ud800"],
        {"a\0": "\0"},
        ["a", 1, {"b": []}],
    ),
    *({"$float": "NaN"}, {"$float": "x"}, {"a": [[[[1]]]]}, ["x" * 5000], dict.fromkeys(map(str, range(50)))),
]
BODIES = [
    *(
        b"",
        b"{",
        b"null",
        b"[]",
        b'"a"',
        b"1",
        b"\xff\xfe",
        b"[" * 2000,
        b"[" * 60 + b"]" * 60,
        b"9" * 5000,
        b"-",
        b"NaN",
    ),
    *(
        b'{"a": 1e999}',
        b'{"a": 1, "a": 2}',
        b'{"spec": {}}',
        b"\0" * 100,
        b"x" * 100_000,
        b"[" + b"{}," * 1000 + b"{}]",
    ),
]


class Sent(NamedTuple):
    """A request."""

    method: str
    target: str
    body: bytes

    def __str__(self) -> str:
        return f"{self.method} {self.target[:300]} {self.body[:600]!r}"


def fields_of(route: Route) -> tuple[list[str], list[str]]:
    """Return the names of the fields and of the parameters that a route's code mentions."""
    handler = inspect.getclosurevars(route.endpoint).nonlocals.get("handler", route.endpoint)
    module = inspect.getsource(inspect.getmodule(handler) or handler)
    own = inspect.getsource(handler)
    names = re.findall(r'(?:field|texts)\(body, "(\w+)"', own) or re.findall(r'(?:field|texts)\(body, "(\w+)"', module)
    asked = re.findall(r'number\((?:request|query), "(\w+)"|(?:query|query_params)\.get\("(\w+)"', module)
    return sorted({*names, "spec", "tags", "name"}), sorted(
        {each for pair in asked for each in pair if each} | {*SEVERAL}
    )


class Fuzzer:
    """Makes requests from a seed.

    Args:
        seed: it.
    """

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._known = [fields_of(route) for route in ALL]
        self._mlflow = sorted(TABLE)

    def requests(self, number: int) -> Iterator[Sent]:
        """Yield so many requests, to each route in turn, MLflow's among them."""
        for number_of_it in range(number):
            place = number_of_it % (len(ALL) + len(self._mlflow))
            yield self.request(place) if place < len(ALL) else self.of_mlflow(place - len(ALL))

    def of_mlflow(self, place: int) -> Sent:
        """Return a request to the route that stands there in MLflow's table."""
        method, name = self._mlflow[place]
        fields = {field.rstrip("!#.?[]"): field for field in FIELDS.get(name, "").split()}
        body = {each: self._value(each, MLFLOW) for each in fields if self._random.random() < 0.9}
        if method.endswith(" one"):
            first, _, more = name.partition("/")
            method, name = method.split()[0], f"{first}/m-1" + (f"/{more}" if more else "")
        path = f"/api/2.0/mlflow/{name}"
        if method != "GET":
            return Sent(method, path, self._random.choice(BODIES) if self._random.random() < 0.05 else _json(body))
        pairs = [(key, each) for key, value in body.items() for each in (value if isinstance(value, list) else [value])]
        encoded = "&".join(f"{key}={quote(str(value).encode('utf-8', 'surrogatepass'))}" for key, value in pairs)
        return Sent(method, f"{path}?{encoded}", b"")

    def request(self, place: int) -> Sent:
        """Return a request to the route that stands there in the table."""
        route = ALL[place]
        methods = sorted(route.methods or ()) if self._random.random() < 0.95 else METHODS
        method = self._random.choice(methods)
        path = re.sub(r"{(\w+)(?::\w+)?}", lambda found: self._segment(found[1]), route.path)
        fields, parameters = self._known[place]
        return Sent(method, path + self._query(path, parameters), self._body(fields))

    def _text(self) -> str:
        return self._random.choice(NAMES if self._random.random() < 0.4 else TEXTS)

    def _segment(self, name: str) -> str:
        text = self._random.choice(PARTS[name]) if self._random.random() < 0.6 else self._text()
        encoded = quote_from_bytes(text.encode("utf-8", "surrogatepass"), safe="/.~")
        return encoded if self._random.random() < 0.9 else quote_from_bytes(bytes([self._random.randrange(256)]) * 3)

    def _query(self, path: str, parameters: list[str]) -> str:
        some = self._random.sample(parameters, self._random.randrange(4))
        pairs = [(name, self._text()) for name in some]
        if path.endswith("/wait"):
            pairs.append(("timeout", "0"))
        return "?" + "&".join(f"{name}={quote(value.encode('utf-8', 'surrogatepass'))}" for name, value in pairs)

    def _body(self, fields: list[str]) -> bytes:
        if self._random.random() < 0.15:
            return self._random.choice(BODIES)
        return _json({name: self._value(name) for name in fields if self._random.random() < 0.8})

    def _value(self, name: str, samples: dict[str, Any] = SAMPLES) -> Any:
        kind = self._random.random()
        if name in samples and kind < 0.8:
            return samples[name] if kind < 0.4 else self._spoilt(samples[name])
        return self._text() if kind < 0.9 else self._random.choice(JSON)

    def _spoilt(self, value: Any) -> Any:
        """Return the value with something hostile in the place of one of its parts."""
        if isinstance(value, dict) and value and self._random.random() < 0.9:
            name = self._random.choice(sorted(value))
            return {**value, name: self._spoilt(value[name])}
        if isinstance(value, list) and value and self._random.random() < 0.8:
            place = self._random.randrange(len(value))
            return [*value[:place], self._spoilt(value[place]), *value[place + 1 :]]
        return self._random.choice(JSON) if self._random.random() < 0.6 else self._text()


def _json(body: Any) -> bytes:
    return json.dumps(body).encode()


async def answer(app: Any, sent: Sent, token: str | None = TOKEN) -> tuple[int, bytes, BaseException | None]:
    """Send a request to the application; return status, body, and what it raised."""
    path, _, query = sent.target.partition("?")
    headers = [(b"host", f"127.0.0.1:{PORT}".encode())]
    if token:
        headers += [(b"authorization", f"Bearer {token}".encode())]
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": sent.method,
        "scheme": "http",
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": headers,
        "server": ("127.0.0.1", PORT),
        "client": ("127.0.0.1", 1),
    }
    incoming = iter([{"type": "http.request", "body": sent.body, "more_body": False}])
    got: list[Any] = []

    async def receive() -> Any:
        for message in incoming:
            return message
        await asyncio.sleep(0.02)  # long enough for an answer, too short for a log that is followed
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        got.append(message)

    raised = None
    try:
        await app(scope, receive, send)
    except Exception as error:  # noqa: BLE001 - any at all is what is looked for
        raised = error
    return got[0]["status"] if got else 0, b"".join(each.get("body", b"") for each in got[1:]), raised


@pytest.fixture
def context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ServiceContext]:
    """The parts of a service that starts no runs, with one run that waits; beside the workspace, a file of somebody's."""
    monkeypatch.setattr(TargetWorker, "start", lambda _: None)
    monkeypatch.setattr(TargetWorker, "stop", lambda _: None)
    root = tmp_path / "home" / "workspaces" / "test"
    root.mkdir(parents=True, mode=0o700)
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "x").write_text("somebody's")
    (root / "service.log").write_text("a log")
    sessions = Sessions(root)
    sessions.keep(PORT)
    made = ServiceContext(root, tmp_path / "home", PORT, Access(root), sessions)
    for name in ("workspaceblobstore",):
        (root / "datastores" / name / "link").symlink_to(outside)
        (root / "datastores" / name / "file").write_text("x")
    yield made
    made.close()


def refill(context: ServiceContext) -> None:
    """Have the things that requests name, which other requests may have removed."""
    with context.database.transaction() as write:
        gone = write.execute("SELECT 1 FROM runs WHERE id = ?", (RUN,)).fetchone() is None
    if gone:
        context.history.create_run(RUN, f"{time.monotonic_ns()}", from_json(RunSpec, SPEC), 0.0)
    if not context.database.execute("UPDATE catalog SET deleted = 0 WHERE kind = 'model' AND name = 'known'"):
        context.catalog.add("model", "known", {"record": {"folder": "b" * 32}}, 0.0)
    with contextlib.suppress(NotFoundException):
        context.history.note(RUN, {"archived": None})
    if context.mlflow.note(LOGGED_MODEL, "m-1") is None:
        made = model_made({"experiment_id": "0", "source_run_id": RUN}, f"mlflow-artifacts:/{RUN}/outputs", "m-1")
        context.mlflow.change(LOGGED_MODEL, "m-1", lambda _: made)
    outputs = context.root / "runs" / RUN / "code" / "outputs"
    with contextlib.suppress(OSError):  # another request may be removing it
        outputs.mkdir(parents=True, exist_ok=True)
        (outputs / "x").write_text("x")
        (outputs / "link").symlink_to(context.root.parents[2] / "outside")


def test_no_request_is_an_internal_error(context: ServiceContext, tmp_path: Path) -> None:
    app, wrong, statuses = application(context, TOKEN), [], Counter[int]()
    before = sorted(os.listdir(tmp_path))

    async def all_of_them() -> None:
        context.bus.attach(asyncio.get_running_loop())
        todo = Fuzzer(SEED).requests(REQUESTS)

        async def some() -> None:
            for place, sent in enumerate(todo):
                if place % 50 == 0:
                    refill(context)
                status, body, raised = await answer(app, sent)
                statuses[status] += 1
                if raised is not None or not 200 <= status < 500:
                    wrong.append(f"{status} {sent}: {body[:300]!r} {raised!r}")
                elif status >= 400 and sent.method != "HEAD":
                    assert json.loads(body)["error"]["message"].strip(), f"{status} without a sentence: {sent}"

        await asyncio.gather(*(some() for _ in range(AT_ONCE)))

    asyncio.run(all_of_them())
    assert not wrong, f"{len(wrong)} of {REQUESTS}, such as:\n" + "\n".join(wrong[:10])
    assert statuses[200] > REQUESTS / 10, statuses  # what is sent is not only nonsense
    with sqlite3.connect(f"file:{context.root}/history.db?mode=ro", uri=True) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert database.execute("PRAGMA foreign_key_check").fetchall() == []
    database.close()
    assert sorted(os.listdir(tmp_path)) == before
    assert {path.name: path.read_text() for path in (tmp_path / "outside").iterdir()} == {"x": "somebody's"}


GARBAGE = [
    *(b"", b"\r\n\r\n", b"GET\r\n\r\n", b"\x16\x03\x01\x02\0", b"\0" * 1000, b"A" * 100_000, b"GET / HTTP/9.9\r\n\r\n"),
    *(b"GET /%ff HTTP/1.1\r\nhost: x\r\n\r\n", b"GET \xff HTTP/1.1\r\nhost: x\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n"),
    b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n",
    b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nabcdef",
    b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nfffffffffffffffffffff\r\n",
    b"GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
    b"GET / HTTP/1.1\r\nhost: x\r\n" + b"a: b\r\n" * 10_000 + b"\r\n",
    b"CONNECT x:1 HTTP/1.1\r\nhost: x\r\n\r\n",
]


def exchanged(where: socket.socket, sent: bytes) -> bytes:
    """Send bytes and no more, and return all that comes back."""
    got = b""
    with where, contextlib.suppress(ConnectionError):  # it may hang up in the middle
        where.sendall(sent)
        where.shutdown(socket.SHUT_WR)
        while piece := where.recv(1 << 16):
            got += piece
    return got


def test_a_real_service_lives_through_it(fixture: ServiceFixture) -> None:
    pid = fixture.service_pid()
    facts = json.loads((fixture.root / "service.json").read_text())
    requests = []
    for sent in Fuzzer(SEED + 1).requests(400):
        head = f"{sent.method} {sent.target} HTTP/1.1\r\nhost: 127.0.0.1:{facts['port']}\r\nconnection: close\r\n"
        head += f"authorization: Bearer {facts['token']}\r\ncontent-length: {len(sent.body)}\r\n\r\n"
        # What stops the service, or lasts, is not what is tested here.
        lasts = ("follow=1" in sent.target, "/live" in sent.target, sent.target.startswith("/pages/data/changes"))
        if not sent.target.startswith("/api/v1/service/stop") and not any(lasts):
            requests.append(head.encode() + sent.body)
    for place, request in enumerate([*GARBAGE, *requests]):
        if place % 2:
            where = socket.create_connection(("127.0.0.1", facts["port"]))
        else:
            where = socket.socket(socket.AF_UNIX)
            where.connect(facts["socket"])
        where.settimeout(60)
        got = exchanged(where, request)
        assert not re.match(rb"HTTP/1.1 5", got), (request[:600], got[:600])
    assert fixture.service_pid() == pid
    log = (fixture.root / "service.log").read_text()
    assert "Traceback" not in log, log


def test_without_a_token_only_the_public_is_answered(context: ServiceContext) -> None:
    app = application(context, TOKEN)

    async def check() -> AsyncIterator[tuple[int, str]]:
        for route in ALL:
            path = re.sub(r"{\w+(?::\w+)?}", "1", route.path)
            for method in sorted({*(route.methods or ()), "GET", "OPTIONS", "DELETE", "TRACE"}):
                for token in (None, "wrong", "é"):
                    status, _, _ = await answer(app, Sent(method, path, b""), token)
                    yield status, f"{method} {path}"

    async def collect() -> list[tuple[int, str]]:
        return [each async for each in check()]

    for status, what in asyncio.run(collect()):
        path = what.split()[1]
        if path in PUBLIC:
            assert status in (200, 307, 400, 405), what
        elif path == LOGIN or (path.startswith("/pages/") and not path.startswith(DATA)):
            assert status in (200, 400, 401, 404, 405), what  # the page without its data, and the way in
        else:
            assert status in (401, 403), what
    assert {"/", "/healthz", "/api/v1/identity"} == PUBLIC
