"""The user's settings for pip, for uv, which reads none of them."""

from __future__ import annotations

import os
import re
import sys
from typing import Dict, List, Mapping

_SETTINGS = ("index-url", "extra-index-url", "find-links", "cert", "trusted-host")
_CREDENTIALS = re.compile(r"(\w+://)[^/\s@]+@")


def for_uv(environ: Mapping[str, str]) -> Dict[str, str]:
    """Return variables that have uv look where pip is told to look.

    Args:
        environ: the environment, whose own uv variables win.

    Returns:
        Variables to add.
    """
    found = settings(environ)
    extra = found.get("extra-index-url", "").split()
    made = {
        "UV_DEFAULT_INDEX": found.get("index-url", ""),
        "UV_INDEX": " ".join(extra),
        "UV_FIND_LINKS": ",".join(found.get("find-links", "").split()),
        "SSL_CERT_FILE": found.get("cert", ""),
        "UV_INSECURE_HOST": ",".join(found.get("trusted-host", "").split()),
        # pip takes the best version from all indexes; uv would stop at the first index that knows the name.
        "UV_INDEX_STRATEGY": "unsafe-best-match" if extra else "",
    }
    return {name: value for name, value in made.items() if value and name not in environ}


def settings(environ: Mapping[str, str]) -> Dict[str, str]:
    """Return what pip is set to: configuration files in pip's order, then ``PIP_…`` variables.

    Args:
        environ: the environment.
    """
    found: Dict[str, str] = {}
    for path in _files(environ):
        if os.path.isfile(path):
            found.update(_read(path))
    for name in _SETTINGS:
        value = environ.get("PIP_" + name.upper().replace("-", "_"))
        if value:
            found[name] = value
    return found


def masked(text: str) -> str:
    """Return text without the user names and passwords of URLs.

    Example:
        >>> masked("https://me:secret@host/simple")
        'https://***@host/simple'
    """
    return _CREDENTIALS.sub(r"\1***@", text)


def _files(environ: Mapping[str, str]) -> List[str]:
    home = environ.get("HOME", "")
    config = environ.get("XDG_CONFIG_HOME") or os.path.join(home, ".config")
    if environ.get("PIP_CONFIG_FILE") == os.devnull:
        return []
    places = ["/etc/xdg/pip/pip.conf", "/etc/pip.conf", f"{home}/.pip/pip.conf", f"{config}/pip/pip.conf"]
    if sys.platform == "darwin":
        places.append(f"{home}/Library/Application Support/pip/pip.conf")
    prefix = os.path.dirname(os.path.dirname(sys.executable))
    return [*places, f"{prefix}/pip.conf", environ.get("PIP_CONFIG_FILE", "")]


def _read(path: str) -> Dict[str, str]:
    import configparser  # only where there is such a file

    parser = configparser.RawConfigParser()
    try:
        parser.read(path, encoding="utf-8")
    except configparser.Error:
        return {}
    return {
        name: parser.get(section, name)
        for section in ("global", "install")
        for name in _SETTINGS
        if parser.has_option(section, name)
    }
