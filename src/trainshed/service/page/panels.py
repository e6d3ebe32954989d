"""Parts of the page that the service renders: htmx asks for them, sends forms, and puts the answers in their place."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from trainshed.errors import TrainshedError, UserErrorException
from trainshed.service.context import ServiceContext
from trainshed.service.guard import DATA
from trainshed.service.requests import Endpoint, content_of
from trainshed.spec import states
from trainshed.spec.arguments import parameters
from trainshed.store import git_diffs
from trainshed.web.markup import render
from trainshed.web.table import Question, Table
from trainshed.web.words import many, took

_FORM_BYTES = 1 << 20
_FIELDS = 100
_MOST_AT_ONCE = 1000
_EXPERIMENTS = 6
_CHILDREN = 200
_VALUES = 500
_DIFF_LINES = 2000
_ACTIVE = ("Running", "Finalizing", "NotResponding", "CancelRequested", "Provisioning", "Preparing", "Starting")

Form = dict[str, str]
Panel = Callable[[ServiceContext, Request, Form], Response]


def panel(handler: Panel) -> Endpoint:
    """Wrap a plain function: parse the form, call the function in a thread, and send what it returns.

    Args:
        handler: the function.
    """

    async def serve(request: Request) -> Response:
        sent = await content_of(request, _FORM_BYTES)
        try:
            fields = parse_qs(sent.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=_FIELDS)
        except ValueError as error:
            raise UserErrorException("The form has too many fields.") from error
        form = {name: values[-1] for name, values in fields.items()}
        return await run_in_threadpool(handler, request.app.state.context, request, form)

    return serve


def shown(template: str, **values: Any) -> Response:
    """Return the answer with a part of the page.

    Args:
        template: the template's file.
        values: what it names.
    """
    # What runs have logged may have lone surrogates, which UTF-8 cannot represent.
    return Response(render(template, **values).encode("utf-8", "replace"), media_type="text/html")


def acted(what: str, done: int, told: str = "") -> Response:
    """Return the answer to a form: nothing to show, and an event for the page.

    Args:
        what: what was to be done.
        done: for how many runs it was.
        told: what somebody should read.
    """
    event = json.dumps({"acted": {"do": what, "done": done, "told": told[:500]}})
    return Response(b"", media_type="text/html", headers={"hx-trigger": event})


def overview(context: ServiceContext, request: Request, _: Form) -> Response:
    """GET /pages/data/overview: what stands beside every page; with ``counts=1``, also what is above the table."""
    table = Table(context.database)
    counts = table.counts(time.time() - 86_400.0)
    filters = [
        ("All", counts["all"], "", ""),
        ("Running", sum(counts.get(status, 0) for status in _ACTIVE), "status:running,preparing", "running"),
        ("Queued", counts.get(states.QUEUED, 0), "status:queued", "queued"),
        ("Failed today", counts["failed_lately"], "status:failed ended>-1d", "failed"),
    ]
    wanted = filters if request.query_params.get("counts") else []
    experiments = [
        {**each, "filter": f"experiment:{_quoted(each['name'])}"} for each in table.experiments(_EXPERIMENTS)
    ]
    return shown("overview.html", experiments=experiments, all=counts["all"], filters=wanted)


def _quoted(text: str) -> str:
    return '"' + text.replace('"', "") + '"' if any(mark.isspace() or mark == '"' for mark in text) else text


def ask(context: ServiceContext, _: Request, form: Form) -> Response:
    """POST /pages/data/ask: ``do`` and ``runs``; the answer is a dialog, if something can be done."""
    ids = _ids(form)
    records = [context.history.get(run_id) for run_id in ids[:_MOST_AT_ONCE]]
    what = form.get("do", "")
    if what not in ("cancel", "delete", "tag", "rename") or not records:
        raise UserErrorException(f"The page has no question about {json.dumps(what[:40])}.")
    left = 0
    if what in ("cancel", "delete"):
        meant = [each for each in records if (each["status"] in states.TERMINAL) == (what == "delete")]
        left, records = len(records) - len(meant), meant
    if not records:
        refusal = "Runs that have not ended cannot be deleted. Cancel them first."
        return acted(what, 0, refusal if what == "delete" else "")
    one = records[0]
    ran = took((one["ended"] or time.time()) - one["started"]) if one["started"] else ""
    name = one["display_name"] or one["id"]
    values = {"do": what, "runs": [each["id"] for each in records], "name": name, "ran": ran, "left": left}
    return shown("dialog.html", many=many, named=one["display_name"] or "", **values)


def act(context: ServiceContext, _: Request, form: Form) -> Response:
    """POST /pages/data/act: ``do`` is cancel, archive, restore, delete or tag; ``runs`` are ids, with commas between.

    With ``tag``, ``tag`` is ``NAME`` or ``NAME=VALUE``, or ``remove`` is a name. What cannot be done for a run is told,
    and the others are treated all the same.
    """
    what = form.get("do", "")
    if what not in _ACTIONS:
        raise UserErrorException(f"The page does not know how to {json.dumps(what[:40])} runs.")
    done, failed = 0, []
    for run_id in _ids(form)[:_MOST_AT_ONCE]:
        try:
            _ACTIONS[what](context, run_id, form)
            done += 1
        except TrainshedError as error:
            failed.append(error.message)
        context.bus.publish(run_id)
    told = failed[0] if len(failed) == 1 else f"{many(len(failed), 'run')}: {failed[0]}" if failed else ""
    return acted(what, done, told)


def _ids(form: Form) -> list[str]:
    return [each for each in form.get("runs", "").split(",") if each]


def _cancel(context: ServiceContext, run_id: str, _: Form) -> None:
    context.supervisor.cancel(run_id)


def _archive(context: ServiceContext, run_id: str, _: Form) -> None:
    context.history.note(run_id, {"archived": time.time()})


def _restore(context: ServiceContext, run_id: str, _: Form) -> None:
    context.history.note(run_id, {"archived": None})


def _delete(context: ServiceContext, run_id: str, _: Form) -> None:
    context.garbage.remove_run(run_id, children=True)


def _tag(context: ServiceContext, run_id: str, form: Form) -> None:
    text = form.get("tag", "").strip()
    if text.startswith("-") or form.get("remove"):
        context.history.remove_tags(run_id, [form.get("remove") or text[1:].partition("=")[0]])
    elif text:
        name, _, value = text.partition("=") if text.find("=") > 0 else (text, "", "")
        context.history.set_tags(run_id, {name: value})


_ACTIONS = {"cancel": _cancel, "archive": _archive, "restore": _restore, "delete": _delete, "tag": _tag}


def describe(context: ServiceContext, request: Request, form: Form) -> Response:
    """POST /pages/data/runs/{id}: ``name`` or ``notes``; an empty text takes it away."""
    run_id = request.path_params["run"]
    for part, keep in (("name", context.history.set_display_name), ("notes", context.history.set_description)):
        if part in form:
            keep(run_id, form[part].strip() or None)
    context.bus.publish(run_id)
    return acted("describe", 1)


def command_of(spec: dict[str, Any]) -> str:
    """Return the command of a run, for a shell.

    Args:
        spec: what was asked for.
    """
    words = ["python", spec["script"]] if spec["script"] else list(spec["command"])
    return shlex.join([*words, *map(str, spec["arguments"])])


def details(context: ServiceContext, request: Request, _: Form) -> Response:
    """GET /pages/data/runs/{id}/details: what was asked for, where it ran, what it ran."""
    record = context.supervisor.look(request.path_params["run"])
    spec, about = record["spec"], record["details"] or {}
    found = Table(context.database).window(
        Question(text=f'parent:"{record["id"]}" archived:any', limit=0 if record["kind"] == "hyperdrive" else _CHILDREN)
    )
    latest = context.metrics.latest(record["id"]).items()
    once = [
        (name, each["value"])
        for name, each in latest
        if each["kind"] == "scalar" and (each["count"] == 1 or isinstance(each["value"], str))
    ]
    arguments = parameters(spec.get("arguments") or (), record["properties"])
    return shown(
        "run_details.html",
        many=many,
        run=record,
        spec=spec,
        arguments=arguments,
        parameters=[(name, _short(value)) for name, value in arguments.items()],
        command=command_of(spec),
        warnings=about.get("warnings") or [],
        children=found["rows"],
        children_total=found["total"] if record["kind"] != "hyperdrive" else 0,
        values=once[:_VALUES],
        source=_source(context, record),
        environment=_environment(about.get("environment") or {}, spec["environment"]),
        queued=_queued(context.history.events(record["id"])),
        now=time.time(),
    )


def _short(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _source(context: ServiceContext, record: dict[str, Any]) -> dict[str, Any]:
    about = record["properties"]

    def git(name: str) -> str:
        return str(about.get(f"azureml.git.{name}") or about.get(f"mlflow.source.git.{name}") or "")

    diff = (git_diffs.of(context.database, record["id"]) or "").split("\n")
    lines = [(_line_kind(line), line or " ") for line in diff[:_DIFF_LINES]]
    return {
        "commit": git("commit"),
        "branch": git("branch"),
        "repository": git("repository_uri") or git("repoURL"),
        "dirty": git("dirty").lower(),
        "diff": lines if diff != [""] else [],
        "others": [(k, v) for k, v in about.items() if not k.startswith(("azureml.", "mlflow."))],
    }


def _line_kind(line: str) -> str:
    if line.startswith(("diff", "@@", "---", "+++", "index")):
        return "muted"
    return {"+": "p", "-": "m"}.get(line[:1], "")


def _environment(built: dict[str, Any], asked: dict[str, Any]) -> dict[str, Any]:
    packages = [str(each) for each in built.get("packages") or []]
    solver = str(built.get("solver") or "")
    how = "used as it is" if solver == "existing" else "built before" if built.get("cached") else ""
    how = how or (f"built by {solver}" if solver else "")
    return {
        "about": ", ".join(filter(None, [how, many(len(packages), "package") if packages else ""])),
        "python": built.get("python") or asked.get("interpreter") or "",
        "asked": ", ".join([*(asked.get("pip") or []), *(asked.get("conda") or [])]),
        "packages": [each.replace("==", "=").partition("=")[::2] for each in packages],
    }


def _queued(events: list[dict[str, Any]]) -> float | None:
    """Return how long a run waited in a queue; None if it hardly did."""
    begin = next((each["time"] for each in events if each["status"] == states.QUEUED), None)
    waits = (states.QUEUED, states.NOT_STARTED)
    ends = (each["time"] for each in events if begin and each["time"] >= begin and each["status"] not in waits)
    end = next(ends, None)
    return end - begin if begin and end and end - begin > 1 else None


ROUTES = [
    Route(f"{DATA}overview", panel(overview)),
    Route(f"{DATA}ask", panel(ask), methods=["POST"]),
    Route(f"{DATA}act", panel(act), methods=["POST"]),
    Route(f"{DATA}runs/{{run}}", panel(describe), methods=["POST"]),
    Route(f"{DATA}runs/{{run}}/details", panel(details)),
]
"""Routes of this module."""
