from __future__ import annotations

from pathlib import Path

import pytest

from trainshed.client.gitignore import Ignore
from trainshed.client.ignore import rules_of


def excluded(lines: list[str], path: str, is_dir: bool = False) -> bool:
    return Ignore(lines).excludes(path, path.rsplit("/", 1)[-1], is_dir)


@pytest.mark.parametrize(
    ("pattern", "path", "left_out"),
    [
        ("*.csv", "a.csv", True),
        ("*.csv", "deep/down/a.csv", True),
        ("*.csv", "a.csv.txt", False),
        ("/a.csv", "a.csv", True),
        ("/a.csv", "deep/a.csv", False),
        ("data/*.csv", "data/a.csv", True),
        ("data/*.csv", "data/deep/a.csv", False),
        ("data/*.csv", "more/data/a.csv", False),
        ("**/cache", "cache", True),
        ("**/cache", "a/b/cache", True),
        ("a/**/b", "a/b", True),
        ("a/**/b", "a/x/y/b", True),
        ("a/**/b", "ab", False),
        ("logs/**", "logs/x/y", True),
        ("logs/**", "logs", False),
        ("?.txt", "a.txt", True),
        ("?.txt", "ab.txt", False),
        ("[ab].txt", "a.txt", True),
        ("[!ab].txt", "a.txt", False),
        ("[!ab].txt", "c.txt", True),
        ("[a-c].txt", "b.txt", True),
        ("[]x].txt", "].txt", True),
        ("[ab.txt", "[ab.txt", True),
        (r"\#notes", "#notes", True),
        (r"\!notes", "!notes", True),
        (r"a\*b", "a*b", True),
        (r"a\*b", "axb", False),
        ("# comment", "# comment", False),
        ("name ", "name", True),
        (r"name\ ", "name ", True),
        ("", "x", False),
        ("/", "x", False),
        ("a+b(c)", "a+b(c)", True),
        ("*", "any/where", True),
        ("ünï*", "ünïcode", True),
    ],
)
def test_a_pattern_means_what_it_means_to_git(pattern: str, path: str, left_out: bool) -> None:
    assert excluded([pattern], path) is left_out


def test_a_slash_at_the_end_means_folders_only() -> None:
    assert excluded(["build/"], "build", is_dir=True)
    assert not excluded(["build/"], "build")


def test_the_last_pattern_that_matches_decides() -> None:
    lines = ["*.csv", "!keep.csv", "/no/keep.csv"]
    assert excluded(lines, "a.csv")
    assert not excluded(lines, "keep.csv")
    assert excluded(lines, "no/keep.csv")


def test_amlignore_goes_before_gitignore(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("*.git-only\n")
    assert rules_of(str(tmp_path)).excludes("a.git-only", "a.git-only", False)
    (tmp_path / ".amlignore").write_text("*.aml-only\r\n")
    rules = rules_of(str(tmp_path))
    assert rules.excludes("a.aml-only", "a.aml-only", False)
    assert not rules.excludes("a.git-only", "a.git-only", False)


def test_what_is_never_source_stays_out_unless_asked_for(tmp_path: Path) -> None:
    assert rules_of(str(tmp_path)).excludes("pkg/__pycache__", "__pycache__", True)
    assert rules_of(str(tmp_path)).excludes("outputs", "outputs", True)
    assert not rules_of(str(tmp_path)).excludes("pkg/outputs", "outputs", True)
    (tmp_path / ".amlignore").write_text("!.git\n")
    rules = rules_of(str(tmp_path))
    assert not rules.excludes(".git", ".git", True)
    assert not rules.excludes("outputs", "outputs", True)
