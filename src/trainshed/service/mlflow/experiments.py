"""Experiments, for MLflow's clients: they name them as they like, and call them by ids."""

from __future__ import annotations

import re
import time
from typing import Any

from trainshed.runtime import mlflow_search
from trainshed.runtime.mlflow_words import (
    ARTIFACTS,
    Refused,
    experiment_shown,
    invalid,
    labels,
    millis,
    missing,
    pairs,
)
from trainshed.service.context import ServiceContext
from trainshed.spec.checks import is_name
from trainshed.store.mlflow import EXPERIMENT

Fields = dict[str, Any]
DEFAULT, DEFAULT_ID = "Default", "0"
"""The experiment of clients that have chosen none; it is made once something is in it."""
_MOST, _USUAL = 50_000, 1000
_LONGEST = 500
_VIEWS = {"ACTIVE_ONLY": False, 1: False, "DELETED_ONLY": True, 2: True, "ALL": None, 3: None}


def view(given: Fields, name: str) -> bool | None:
    """Return what a client wants to see: True for what is deleted, False for what is not, None for both."""
    try:
        return _VIEWS[given.get(name) or "ACTIVE_ONLY"]
    except (KeyError, TypeError):
        raise invalid(f"Invalid value for parameter '{name}' supplied: use ACTIVE_ONLY, DELETED_ONLY or ALL.") from None


def known(context: ServiceContext) -> dict[str, Fields]:
    """Return all experiments by their ids: records with MLflow's ``"title"``, ``"location"`` and ``"updated"``."""
    notes, found = context.mlflow.notes(EXPERIMENT), {}
    for record in context.mlflow.experiments():
        note = notes.get(record["id"], {})
        # Whoever has renamed it with Trainshed since has the last word.
        title = note["title"] if note.get("name") == record["name"] else record["name"]
        times = {"updated": max(note.get("updated", 0.0), record["created"], record["archived"] or 0.0)}
        found[record["id"]] = {**record, **times, "title": title, "location": note.get("location", "")}
    if DEFAULT_ID not in found and not any(each["name"] == DEFAULT for each in found.values()):
        virtual = {"name": DEFAULT, "id": DEFAULT_ID, "created": 0.0, "archived": None, "tags": {}}
        found[DEFAULT_ID] = {**virtual, "updated": 0.0, "title": DEFAULT, "location": "", "missing": True}
    return found


def find(context: ServiceContext, experiment_id: str) -> Fields:
    """Return an experiment by its id, as :func:`known` does; also by its name, which is its id in a job.

    Raises:
        Refused: there is none.
    """
    everything = known(context)
    found = everything.get(experiment_id)
    wanted = DEFAULT if experiment_id == DEFAULT_ID else experiment_id
    found = found or next((each for each in everything.values() if each["name"] == wanted), None)
    if found is None:
        raise missing(f"No Experiment with id={experiment_id[:200]} exists.")
    return found


def real(context: ServiceContext, experiment_id: str) -> Fields:
    """Return an experiment as :func:`find` does, and make the default one if that is meant."""
    found = find(context, experiment_id)
    if found.get("missing"):
        context.mlflow.add_experiment(DEFAULT, time.time(), DEFAULT_ID)
    return found


def location(found: Fields) -> str:
    """Return where the files of an experiment's runs are."""
    return str(found["location"] or f"{ARTIFACTS}{found['id']}")


def _shown(found: Fields) -> Fields:
    return experiment_shown(
        found["id"],
        found["title"],
        found["created"],
        artifact_location=location(found),
        lifecycle_stage="active" if found["archived"] is None else "deleted",
        last_update_time=millis(found["updated"]),
        tags=pairs(found["tags"]),
    )


def _touch(context: ServiceContext, found: Fields, **changes: Any) -> None:
    """Note what has no place in the table of experiments."""
    kept = {name: found[name] for name in ("name", "title", "location")}
    context.mlflow.change(EXPERIMENT, found["id"], lambda _: {**kept, "updated": time.time(), **changes})


def _free_name(context: ServiceContext, title: str) -> str:
    """Return a valid name for an experiment that MLflow calls something else."""
    everything = known(context).values()
    same = next((each for each in everything if each["title"] == title), None)
    if same is not None:
        state = "" if same["archived"] is None else " in deleted state: restore it, or choose another name"
        raise Refused("RESOURCE_ALREADY_EXISTS", f"Experiment '{title[:200]}' already exists{state}.")
    plain = title if is_name(title) else re.sub(r"[^A-Za-z0-9_-]+", "-", title).strip("-_")[:200] or "experiment"
    taken, number, name = {each["name"] for each in everything}, 1, plain
    while name in taken:
        number += 1
        name = f"{plain}-{number}"
    return name


def _title(given: Fields, field: str) -> str:
    title = str(given[field])
    if not title.strip() or len(title) > _LONGEST:
        raise invalid(f"Invalid value for parameter '{field}' supplied: use 1 to {_LONGEST} characters.")
    return title


def create(context: ServiceContext, given: Fields) -> Fields:
    """POST experiments/create."""
    title, tags, place = _title(given, "name"), labels(given.get("tags")), given.get("artifact_location") or ""
    if re.search(r"[?#]", place):
        raise invalid("Invalid value for parameter 'artifact_location' supplied: it has a query or a fragment.")
    name = _free_name(context, title)
    made = context.experiments.ensure(name, time.time())
    if tags:
        context.experiments.set_tags(name, tags, ())
    if name != title or place:
        _touch(context, {**made, "title": title, "location": place.rstrip("/")})
    return {"experiment_id": made["id"]}


def get(context: ServiceContext, given: Fields) -> Fields:
    """GET experiments/get."""
    return {"experiment": _shown(find(context, given["experiment_id"]))}


def by_name(context: ServiceContext, given: Fields) -> Fields:
    """GET experiments/get-by-name."""
    title = given["experiment_name"]
    found = next((each for each in known(context).values() if title in (each["title"], each["name"])), None)
    if found is None:
        raise missing(f"Could not find experiment with name '{title[:200]}'.")
    return {"experiment": _shown(found)}


def search(context: ServiceContext, given: Fields) -> Fields:
    """POST experiments/search."""
    searched, wanted = mlflow_search.EXPERIMENTS, view(given, "view_type")
    passes, order = searched.filter(given.get("filter")), searched.orders(given.get("order_by") or ())
    shown = [_shown(each) for each in known(context).values() if wanted in (None, each["archived"] is not None)]
    shown.sort(key=lambda each: (-each["creation_time"], each["experiment_id"]))
    fields = [(_fields(each), each) for each in shown]
    found = mlflow_search.ordered([each for each in fields if passes(each[0])], lambda each: each[0], order)
    some, token = mlflow_search.page(found, given, _MOST, _USUAL)
    return {"experiments": [each for _, each in some], **({"next_page_token": token} if token else {})}


def _fields(shown: Fields) -> Fields:
    tags = {each["key"]: each["value"] for each in shown["tags"]}
    return {mlflow_search.ATTRIBUTE: shown, mlflow_search.TAG: tags}


def delete(context: ServiceContext, given: Fields) -> Fields:
    """POST experiments/delete: it is archived, and can be restored."""
    found = real(context, given["experiment_id"])
    if found["archived"] is not None:
        raise missing(f"No active Experiment with id={found['id']} exists.")
    context.experiments.archive(found["name"], time.time())
    return {}


def restore(context: ServiceContext, given: Fields) -> Fields:
    """POST experiments/restore."""
    context.experiments.archive(real(context, given["experiment_id"])["name"], None)
    return {}


def update(context: ServiceContext, given: Fields) -> Fields:
    """POST experiments/update: give it another name."""
    found, title = real(context, given["experiment_id"]), _title(given, "new_name")
    if found["archived"] is not None:
        raise invalid("Cannot rename experiment in non-active lifecycle stage.")
    if title != found["title"]:
        name = _free_name(context, title)
        context.experiments.rename(found["name"], name)
        _touch(context, {**found, "name": name, "title": title})
    return {}


def set_tag(context: ServiceContext, given: Fields) -> Fields:
    """POST experiments/set-experiment-tag."""
    found = real(context, given["experiment_id"])
    context.experiments.set_tags(found["name"], {given["key"]: given.get("value", "")}, ())
    _touch(context, found)
    return {}


def delete_tag(context: ServiceContext, given: Fields) -> Fields:
    """POST experiments/delete-experiment-tag."""
    found = real(context, given["experiment_id"])
    if given["key"] not in found["tags"]:
        raise missing(f"No tag with name: {given['key'][:200]} in experiment with id {found['id']}.")
    context.experiments.set_tags(found["name"], {}, (given["key"],))
    return {}


ROUTES = {
    ("GET", "experiments/get"): get,
    ("GET", "experiments/get-by-name"): by_name,
    ("POST", "experiments/create"): create,
    ("POST", "experiments/search"): search,
    ("GET", "experiments/search"): search,
    ("GET", "experiments/list"): search,
    ("POST", "experiments/delete"): delete,
    ("POST", "experiments/restore"): restore,
    ("POST", "experiments/update"): update,
    ("POST", "experiments/set-experiment-tag"): set_tag,
    ("POST", "experiments/delete-experiment-tag"): delete_tag,
}
"""Method and route → what answers it."""
