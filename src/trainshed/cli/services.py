"""``trainshed services`` and ``call``."""

from __future__ import annotations

import argparse
import json
import os
import sys

from trainshed.api.deployment.webservice import Webservice
from trainshed.cli import resolve, show
from trainshed.errors import UserErrorException


def services(options: argparse.Namespace) -> int:
    """List the web services; show the log of one, or delete it."""
    where = resolve.workspace(options)
    if options.what != "list":
        if not options.name:
            raise UserErrorException(f"Name a web service: trainshed services {options.what} NAME")
        service = Webservice(where, options.name)
        if options.what == "logs":
            print(service.get_logs())
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
