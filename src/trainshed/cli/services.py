"""``trainshed deploy``, ``services`` and ``call``."""

from __future__ import annotations

import argparse
import json
import os
import sys
from typing import Any

from trainshed.api.configuration.environment import Environment
from trainshed.api.deployment.configurations import LOCAL, WebserviceDeploymentConfiguration
from trainshed.api.deployment.inference_config import InferenceConfig
from trainshed.api.deployment.webservice import Webservice
from trainshed.cli import resolve, show
from trainshed.cli.submit import pairs
from trainshed.client.http import quoted
from trainshed.errors import UserErrorException


def deploy(options: argparse.Namespace) -> int:
    """Deploy models as a web service."""
    if not options.script and (options.source or _packages(options)):
        raise UserErrorException("Name the scoring script: trainshed deploy SCORE.py --model NAME")
    if not options.name and not options.model:
        raise UserErrorException("Name a model, or the web service: --model NAME, --name NAME")
    config = None
    if options.script:
        environment = _environment(options)
        config = InferenceConfig(options.script, source_directory=options.source, environment=environment)
    auth = {"address": None, "header": True, "none": False}[options.key]
    service = Webservice.deploy_from_model(
        resolve.workspace(options, create=True),
        options.name or options.model[0].partition(":")[0],
        options.model,
        config,
        WebserviceDeploymentConfiguration(LOCAL, options.port, auth, pairs(options.tag, "--tag")),
        None,
        options.overwrite,
    )
    if not options.no_wait:
        service.wait_for_deployment()
    if options.json:
        show.as_json(service.serialize())
    else:
        print(service.scoring_uri)
    return 0


def _packages(options: argparse.Namespace) -> bool:
    return bool(options.pip or options.conda or options.requirements or options.conda_file or options.use_python)


def _environment(options: argparse.Namespace) -> Environment:
    environment = Environment("serving")
    if options.use_python:
        environment.python.user_managed_dependencies = True
        environment.python.interpreter_path = options.use_python
        return environment
    if options.conda_file:
        environment = Environment.from_conda_specification("serving", options.conda_file)
    dependencies = environment.python.conda_dependencies
    if not options.conda_file:
        dependencies.remove_pip_package("azureml-defaults")  # many packages, which nobody has asked for
    for package in options.conda:
        dependencies.add_conda_package(package)
    for package in options.pip:
        dependencies.add_pip_package(package)
    if options.requirements:
        dependencies.add_requirements_file(options.requirements)
    if options.python:
        dependencies.set_python_version(options.python)
    return environment


def services(options: argparse.Namespace) -> int:
    """List the web services; show one or its log, or delete it."""
    where = resolve.workspace(options)
    if options.what != "list":
        if not options.name:
            raise UserErrorException(f"Name a web service: trainshed services {options.what} NAME")
        service = Webservice(where, options.name)
        if options.what == "logs":
            print(service.get_logs())
        elif options.what == "show":
            _show(options, service)
        else:
            service.delete()
            print(f"deleted {service.name}")
        return 0
    found = Webservice.list(where)
    if options.json:
        show.as_json([each.serialize() for each in found])
        return 0
    rows = [(each.name, each.state_, " ".join(each.serialize()["models"]), each.scoring_uri) for each in found]
    show.table(("NAME", "STATE", "MODELS", "ADDRESS"), rows)
    return 0


def _show(options: argparse.Namespace, service: Webservice) -> None:
    counts = service.workspace.connection.call("GET", quoted("webservices", service.name, "requests"))["requests"]
    facts = {**service.serialize(), "requests": counts}
    if options.json:
        show.as_json(facts)
        return
    rows = [
        ("state", facts["state"]),
        ("address", facts["scoringUri"]),
        ("models", " ".join(facts["models"]) or "none"),
        ("run", service.run_id),
        ("tags", " ".join(f"{key}={value}" for key, value in facts["tags"].items())),
        ("requests", _told(counts) if counts else ""),
        ("error", facts["error"]),
    ]
    for name, value in rows:
        if value:
            print(f"{name:10}{show.clean(value)}")


def _told(counts: dict[str, Any]) -> str:
    """Return a sentence about the requests to a web service."""
    told = f"{counts['requests']:,}, {counts['failed']:,} of them failed"
    if "ms_50" in counts:
        told += f"; lately {counts['per_second']:.3g} a second, half of them within {counts['ms_50']:.3g} ms"
        told += f", 99 % within {counts['ms_99']:.3g} ms"
    return told


def call(options: argparse.Namespace) -> int:
    """Call a web service, and print its answer."""
    service = Webservice(resolve.workspace(options), options.name)
    answer = service.run(_data(options.data))
    print(answer.decode("utf-8", "replace") if isinstance(answer, bytes) else json.dumps(answer))
    return 0


def _data(text: str) -> bytes:
    if text == "-":
        return sys.stdin.buffer.read()
    if not text.startswith("@"):
        return text.encode()
    if not os.path.isfile(text[1:]):
        raise UserErrorException(f"There is no file '{text[1:]}'.")
    with open(text[1:], "rb") as file:
        return file.read()
