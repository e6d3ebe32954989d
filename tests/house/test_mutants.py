"""The mistakes that ``make mutants`` makes can still be made, and the tests that must notice them are there."""

from __future__ import annotations

import re

import pytest
from checkout import ROOT
from table import MUTANTS, Mutant


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mistake_can_be_made_and_has_its_tests(mutant: Mutant) -> None:
    for edit in mutant.edits:
        text = (ROOT / "src" / "trainshed" / edit.file).read_text()
        assert text.count(edit.old) == 1, f"{edit.file} has changed: adapt tests/mutants/table.py"
        compile(text.replace(edit.old, edit.new), edit.file, "exec")
    assert mutant.tests
    for test in mutant.tests:
        path, name = test.split("::")
        assert re.search(rf"^def {name}\(", (ROOT / path).read_text(), re.MULTILINE), test


def test_there_are_as_many_as_were_asked_for() -> None:
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS) >= 25
