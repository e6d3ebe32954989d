"""Package sources: converts the user's pip settings and a run's own options for uv, which reads neither."""

from __future__ import annotations

import os
import re
import sys
from typing import Dict, List, Mapping, Sequence

_SETTINGS = ("index-url", "extra-index-url", "find-links", "cert", "trusted-host", "no-index", "pre")
_USER = re.compile(r"(\w+://)[^/\s]+@")
_TOKEN = re.compile(r"(\w+://[^\s/]+/t/|[?&](?:sig|token|access_token|key|password)=)[^/&\s'\"]+", re.IGNORECASE)
# uv's own variables that affect which packages are chosen, in addition to those set here.
_DECISIVE = ("UV_BUILD_CONSTRAINT", "UV_CONSTRAINT", "UV_EXCLUDE_NEWER", "UV_EXTRA_INDEX_URL", "UV_INDEX_URL",
             "UV_OVERRIDE", "UV_RESOLUTION", "UV_TORCH_BACKEND")  # fmt: skip
_MADE = ("UV_DEFAULT_INDEX", "UV_INDEX", "UV_FIND_LINKS", "UV_INDEX_STRATEGY", "UV_PRERELEASE")


def for_uv(environ: Mapping[str, str], options: Sequence[str] = ()) -> Dict[str, str]:
    """Return variables that make uv search where pip would.

    Args:
        environ: the environment; uv's own variables in it take precedence over pip's settings.
        options: a run's options, as lines of a requirements file; as in pip, an index among them replaces all
            configured indexes, and other options are added to the configured ones.

    Returns:
        Variables to set. (Not arguments, because all users can see passwords in an argument list.)
    """
    found = settings(environ)
    asked = _asked(options)
    index = asked["index-url"][-1:]
    extra = found.get("extra-index-url", "").split()
    links = environ.get("UV_FIND_LINKS") or ",".join(found.get("find-links", "").split())
    hosts = environ.get("UV_INSECURE_HOST") or ",".join(found.get("trusted-host", "").split())
    known = "" if index else environ.get("UV_INDEX") or " ".join(extra)
    extra = [] if index or environ.get("UV_INDEX") else extra
    made = {
        "UV_DEFAULT_INDEX": index[0] if index else environ.get("UV_DEFAULT_INDEX") or found.get("index-url", ""),
        "UV_INDEX": " ".join(filter(None, [known, *asked["extra-index-url"]])),
        "UV_FIND_LINKS": ",".join(filter(None, [*asked["find-links"], links])),
        "UV_INSECURE_HOST": ",".join(filter(None, [*asked["trusted-host"], hosts])),
        "SSL_CERT_FILE": environ.get("SSL_CERT_FILE") or found.get("cert", ""),
        # pip takes the best version from all indexes; uv would stop at the first index that has the name.
        "UV_INDEX_STRATEGY": environ.get("UV_INDEX_STRATEGY")
        or ("unsafe-best-match" if extra or asked["extra-index-url"] else ""),
        "UV_PRERELEASE": environ.get("UV_PRERELEASE")
        or ("allow" if "--pre" in options or _is_on(found.get("pre")) else ""),
    }
    changed = {name: value for name, value in made.items() if value and value != environ.get(name)}
    # Set to an empty string, which replaces the environment's indexes.
    emptied = {"UV_INDEX": made["UV_INDEX"], "UV_EXTRA_INDEX_URL": ""} if index else {}
    return {**changed, **{name: value for name, value in emptied.items() if name in environ}}


def no_index(environ: Mapping[str, str], options: Sequence[str] = ()) -> bool:
    """Tell whether pip is configured to use no index, only the given folders.

    Args:
        environ: the environment.
        options: a run's options; an index among them is used nevertheless.
    """
    asked = _asked(options)
    return _is_on(settings(environ).get("no-index")) and not (asked["index-url"] or asked["extra-index-url"])


def fingerprint(environ: Mapping[str, str], options: Sequence[str]) -> Dict[str, str]:
    """Return all settings that affect which packages are chosen, without passwords, as part of an environment's key.

    Args:
        environ: the environment.
        options: a run's options.
    """
    whole = {**environ, **for_uv(environ, options)}
    kept = {name: masked(whole[name]) for name in (*_DECISIVE, *_MADE) if whole.get(name)}
    return {**kept, "no-index": "yes"} if no_index(environ, options) else kept


def settings(environ: Mapping[str, str]) -> Dict[str, str]:
    """Return pip's settings: configuration files in pip's order, then ``PIP_…`` variables.

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
    """Return text without the user names, passwords and tokens of URLs.

    Example:
        >>> masked("https://me:secret@host/simple")
        'https://***@host/simple'
    """
    return _TOKEN.sub(r"\1***", _USER.sub(r"\1***@", text))


def _asked(options: Sequence[str]) -> Dict[str, List[str]]:
    asked: Dict[str, List[str]] = {name: [] for name in _SETTINGS}
    for line in options:
        name, _, value = line.partition(" ")
        asked[name[2:]].append(value)
    return asked


def _is_on(value: object) -> bool:
    return str(value).lower() in ("1", "true", "yes", "on", "y", "t")


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
    import configparser  # only needed if there is such a file

    parser = configparser.RawConfigParser()
    try:
        parser.read(path, encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError, OSError):
        return {}  # not readable for pip either
    return {
        name: parser.get(section, name)
        for section in ("global", "install")
        for name in _SETTINGS
        if parser.has_option(section, name)
    }
