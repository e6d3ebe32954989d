"""What a release says of itself stands in one place, and everything else follows it."""

from __future__ import annotations

import re
from importlib.metadata import version

import pytest
from checkout import ROOT, checkout_texts

from trainshed.version import VERSION

MADE_FROM = ("src/", "compat/", "tools/", "pyproject.toml", "README.md")


def test_the_version_stands_in_one_place() -> None:
    exact = re.compile(rf"""["'=]{re.escape(VERSION)}["']""")  # prose may name a release
    found = {name for name, text in checkout_texts().items() if name.startswith(MADE_FROM) and exact.search(text)}
    assert found == {"src/trainshed/version.py"}


@pytest.mark.parametrize("distribution", ["trainshed", "trainshed-azureml"])
def test_both_distributions_have_it(distribution: str) -> None:
    assert version(distribution) == VERSION


def test_the_changelog_has_it() -> None:
    released = re.findall(
        r"^## \[(\d+\.\d+\.\d+)\] - (unreleased|\d{4}-\d{2}-\d{2})$", (ROOT / "CHANGELOG.md").read_text(), re.M
    )
    assert released, "CHANGELOG.md: no release, such as '## [1.2.3] - 2026-01-31'"
    assert released[0][0] == VERSION
    numbers = [tuple(map(int, number.split("."))) for number, _ in released]
    assert numbers == sorted(set(numbers), reverse=True)


def test_the_license_is_the_same_in_both() -> None:
    assert (ROOT / "compat" / "azureml" / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()
