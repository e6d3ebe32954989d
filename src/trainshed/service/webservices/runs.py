"""The run that a version of a web service is."""

from __future__ import annotations

import json
import os
from typing import Any

from trainshed.service.webservices.doors import port_there
from trainshed.service.webservices.requests import ACCESS
from trainshed.service.webservices.versions import Record
from trainshed.spec.checks import check_run_spec
from trainshed.spec.run import WEBSERVICE, RunSpec

EXPERIMENT = "webservices"
"""Experiment of the runs that are web services."""
_TOLD = ("workers", "timeout_ms", "gpu_cores")
"""Facts that the keeper of a version is told."""
_FIRST = 1 << 30
_GRACE = 5.0
_WORKERS = "WORKER_COUNT"
_COLLECT = {"AML_MODEL_DC_STORAGE_ENABLED": "true"}
"""For :mod:`trainshed.runtime.scoring_data`."""


def run_of(spec: RunSpec, name: str, version: Record, access: dict[str, Any]) -> RunSpec:
    """Return the request for the run of a version.

    Args:
        spec: the request for the service: its source and its environment.
        name: the service.
        version: the version: its facts and its number.
        access: who may call it.

    Raises:
        UserErrorException: the request is not possible.
    """
    facts, source = version["facts"], version["facts"].get("source") or {}
    folder = "" if source.get("alone", True) else os.path.basename(str(source.get("directory", "")))
    told = {name: facts[name] for name in _TOLD if facts.get(name)}
    whole = {**access, **told, "auth": bool(facts["auth"]), "generation": version["generation"], "folder": folder}
    collects = _COLLECT if facts.get("collect_model_data") else {}
    gpus = int(facts.get("gpu_cores") or 0) * _workers(spec, facts)
    return check_run_spec(
        spec._replace(
            experiment=EXPERIMENT,
            kind=WEBSERVICE,
            display_name=name,
            arguments=(str(port_there(spec.target, facts["port"])), *facts["models"]),
            priority=_FIRST,  # it uses no slot, so that it delays nobody
            grace_seconds=_GRACE,
            use_gpu=gpus > 0,
            worker_count=gpus,
            environment_variables={**spec.environment_variables, **collects, ACCESS: json.dumps(whole)},
        )
    )


def _workers(spec: RunSpec, facts: dict[str, Any]) -> int:
    told = facts.get("workers") or spec.environment_variables.get(_WORKERS) or 1
    return int(told) if str(told).isdigit() else 1
