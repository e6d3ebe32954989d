"""``trainshed open``."""

from __future__ import annotations

import argparse
import os
import sys
from urllib.parse import quote

from trainshed.api.workspace.workspace import Workspace
from trainshed.cli import resolve, show
from trainshed.errors import NotFoundException


def open_page(options: argparse.Namespace) -> int:
    """Open the page in a browser, logged in; without one, print its address and a code."""
    where = resolve.workspace(options)
    address = where.page_url(_path(where, options.what))
    code = where.connection.call("POST", "/page")["code"]
    # After '#', so that it is sent to nobody; it is valid once, and for ten minutes.
    with_code = f"{address}#code={code}"
    opened = not options.only_print and not options.json and _opens(with_code)
    if options.json:
        show.as_json({"address": address, "code": code, "opened": False})
    elif opened:
        print(f"Opened {address}")
    else:
        print(
            f"{address}\nTo log in a browser, open this address (once, within ten minutes):\n  {with_code}\n"
            f"Through a tunnel or a proxy, open the page there, and enter the code: {code}"
        )
    return 0


def _path(where: Workspace, what: str | None) -> str:
    if what is None:
        return "/"
    if what != resolve.LAST and what in where.experiments:
        quoted = f'"{what}"' if " " in what else what
        return f"/?filter={quote(f'experiment:{quoted}')}"
    try:
        return f"/runs/{quote(resolve.named(where, what).id, safe='')}"
    except NotFoundException as error:
        if "no run" not in error.message:
            raise
        raise NotFoundException(
            f"There is no run and no experiment '{what}' in this workspace. 'trainshed runs' lists the runs."
        ) from None


def _opens(address: str) -> bool:
    """Open an address in the user's browser, if there is one that has a screen."""
    import webbrowser

    if sys.platform.startswith("linux") and not (
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY") or os.environ.get("BROWSER")
    ):
        return False
    return webbrowser.open(address)
