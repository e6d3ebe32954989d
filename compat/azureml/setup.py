"""This distribution has the version of Trainshed beside it, and needs that very release.

In a checkout the version is read from Trainshed's sources, in a source distribution from what it was made with.
"""

from __future__ import annotations

import runpy
from email.parser import HeaderParser
from pathlib import Path

from setuptools import setup

HERE = Path(__file__).resolve().parent


def version() -> str:
    """Return the version of both distributions."""
    made_with = HERE / "PKG-INFO"
    if made_with.is_file():
        return str(HeaderParser().parsestr(made_with.read_text(encoding="utf-8"))["Version"])
    return str(runpy.run_path(str(HERE.parents[1] / "src" / "trainshed" / "version.py"))["VERSION"])


VERSION = version()
setup(version=VERSION, install_requires=[f"trainshed=={VERSION}", "tomli>=2; python_version < '3.11'"])
