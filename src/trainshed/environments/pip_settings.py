"""Conversion of pip's configuration and of a run's index options to uv's environment variables."""

from __future__ import annotations

import os
import sys
from typing import Dict, List, Mapping, Sequence

from trainshed.spec.secrets import masked

_SETTINGS = ("index-url", "extra-index-url", "find-links", "cert", "trusted-host", "no-index", "pre")
# uv's variables that affect which packages are selected, in addition to those set here.
_DECISIVE = ("UV_BUILD_CONSTRAINT", "UV_CONSTRAINT", "UV_EXCLUDE_NEWER", "UV_EXTRA_INDEX_URL", "UV_INDEX_URL",
             "UV_OVERRIDE", "UV_RESOLUTION", "UV_TORCH_BACKEND")  # fmt: skip
_CONVERTED = ("UV_DEFAULT_INDEX", "UV_INDEX", "UV_FIND_LINKS", "UV_INDEX_STRATEGY", "UV_PRERELEASE")


def for_uv(environ: Mapping[str, str], options: Sequence[str] = ()) -> Dict[str, str]:
    """Return environment variables that make uv use the same package sources as pip.

    Variables are used instead of arguments because all users of the machine can read a process's arguments, which might
    contain passwords.

    Args:
        environ: environment variables. uv's own variables take precedence over pip's settings.
        options: index options of the run, as lines of a requirements file. As in pip, an index replaces all configured
            indexes, and other options are added to the configured ones.
    """
    found = settings(environ)
    requested = _parsed(options)
    index = requested["index-url"][-1:]
    extra = found.get("extra-index-url", "").split()
    links = environ.get("UV_FIND_LINKS") or ",".join(found.get("find-links", "").split())
    hosts = environ.get("UV_INSECURE_HOST") or ",".join(found.get("trusted-host", "").split())
    known = "" if index else environ.get("UV_INDEX") or " ".join(extra)
    extra = [] if index or environ.get("UV_INDEX") else extra
    variables = {
        "UV_DEFAULT_INDEX": index[0] if index else environ.get("UV_DEFAULT_INDEX") or found.get("index-url", ""),
        "UV_INDEX": " ".join(filter(None, [known, *requested["extra-index-url"]])),
        "UV_FIND_LINKS": ",".join(filter(None, [*requested["find-links"], links])),
        "UV_INSECURE_HOST": ",".join(filter(None, [*requested["trusted-host"], hosts])),
        "SSL_CERT_FILE": environ.get("SSL_CERT_FILE") or found.get("cert", ""),
        # pip selects the best version from all indexes; by default, uv stops at the first index with the package.
        "UV_INDEX_STRATEGY": environ.get("UV_INDEX_STRATEGY")
        or ("unsafe-best-match" if extra or requested["extra-index-url"] else ""),
        "UV_PRERELEASE": environ.get("UV_PRERELEASE")
        or ("allow" if "--pre" in options or _is_on(found.get("pre")) else ""),
    }
    changed = {name: value for name, value in variables.items() if value and value != environ.get(name)}
    # Override the environment's indexes, if necessary with an empty string.
    overrides = {"UV_INDEX": variables["UV_INDEX"], "UV_EXTRA_INDEX_URL": ""} if index else {}
    return {**changed, **{name: value for name, value in overrides.items() if name in environ}}


def no_index(environ: Mapping[str, str], options: Sequence[str] = ()) -> bool:
    """Return whether pip is configured to use no package index (``no-index``).

    Args:
        environ: environment variables.
        options: index options of the run. An index in them is used in any case.
    """
    requested = _parsed(options)
    return _is_on(settings(environ).get("no-index")) and not (requested["index-url"] or requested["extra-index-url"])


def fingerprint(environ: Mapping[str, str], options: Sequence[str]) -> Dict[str, str]:
    """Return all settings that affect which packages are selected, without passwords, for an environment's cache key.

    Args:
        environ: environment variables.
        options: index options of the run.
    """
    variables = {**environ, **for_uv(environ, options)}
    decisive = {name: masked(variables[name]) for name in (*_DECISIVE, *_CONVERTED) if variables.get(name)}
    return {**decisive, "no-index": "yes"} if no_index(environ, options) else decisive


def settings(environ: Mapping[str, str]) -> Dict[str, str]:
    """Return pip's settings, read from its configuration files and then from ``PIP_…`` variables.

    Args:
        environ: environment variables.
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


def _parsed(options: Sequence[str]) -> Dict[str, List[str]]:
    requested: Dict[str, List[str]] = {name: [] for name in _SETTINGS}
    for line in options:
        name, _, value = line.partition(" ")
        requested[name[2:]].append(value)
    return requested


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
    import configparser  # needed only if a configuration file exists

    parser = configparser.RawConfigParser()
    try:
        parser.read(path, encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError, OSError):
        return {}  # pip cannot read it either
    return {
        name: parser.get(section, name)
        for section in ("global", "install")
        for name in _SETTINGS
        if parser.has_option(section, name)
    }
