"""Commands about web services."""

from __future__ import annotations

from typing import Any

from trainshed.cli.argument_types import count
from trainshed.cli.parser_parts import command, package_options


def services(commands: Any) -> None:
    """Add ``deploy``, ``services`` and ``call``."""
    _deploy(commands)
    made = command(
        commands,
        "services",
        "services:services",
        "list the web services, show one or its log, or delete it",
        "trainshed services; trainshed services logs digits; trainshed services delete digits",
    )
    made.add_argument(
        "what", nargs="?", default="list", choices=("list", "show", "logs", "delete"), help="default: list"
    )
    made.add_argument("name", nargs="?", metavar="NAME", help="show, logs, delete: the web service")
    made = command(
        commands,
        "call",
        "services:call",
        "call a web service, and print its answer",
        """trainshed call digits '{"data": [[0, 5, 9]]}'; trainshed call digits @request.json""",
    )
    made.add_argument("name", metavar="NAME", help="the web service")
    made.add_argument("data", metavar="DATA", help="body of the request; @FILE is read from FILE, - from the input")


def _deploy(commands: Any) -> None:
    made = command(
        commands,
        "deploy",
        "services:deploy",
        "have a model answer requests on this machine",
        "trainshed deploy score.py --model digits -p scikit-learn; trainshed call digits @request.json",
    )
    made.usage = "trainshed deploy [SCORE.py] --model NAME[:VERSION] [options]"
    made.add_argument(
        "script",
        nargs="?",
        metavar="SCORE.py",
        help="scoring script with init() and run(data) (default: the one for the framework of the model, if that is "
        "scikit-learn or ONNX)",
    )
    made.add_argument(
        "--model", action="append", default=[], metavar="NAME[:VERSION]", help="registered model; repeatable"
    )
    made.add_argument("--name", metavar="NAME", help="name of the web service (default: that of the first model)")
    made.add_argument("--source", metavar="DIR", help="folder that the script needs; SCORE.py is a path in it")
    package_options(made)
    answering = made.add_argument_group("answering")
    answering.add_argument("--port", type=count, metavar="PORT", help="port on this machine (default: a free one)")
    answering.add_argument(
        "--key", choices=("address", "header", "none"), default="address",
        help="where callers put the key: it is in the address, they send it in a header, or there is none "
        "(default: address)",
    )  # fmt: skip
    answering.add_argument(
        "--tag", action="append", default=[], metavar="KEY=VALUE", help="tag the service; repeatable"
    )
    answering.add_argument("--overwrite", action="store_true", help="replace a web service of this name")
    answering.add_argument("--no-wait", action="store_true", help="do not wait until it answers")
