"""What an image has is asked of it once."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from trainshed.containers.probe import Probe


class FakeImage:
    """Answers as if programs had been run in it.

    Args:
        there: name of a program → what it prints.
    """

    def __init__(self, there: dict[str, str]) -> None:
        self.there = there
        self.asked: list[tuple[str, tuple[str, ...]]] = []

    def run(self, argv: Sequence[str], mounts: Sequence[str]) -> tuple[int, str]:
        self.asked.append((argv[0], tuple(mounts)))
        return (0, self.there[argv[0]]) if argv[0] in self.there else (127, "")


def python(path: str) -> str:
    return "some warning\ntrainshed:" + json.dumps([path, [3, 11, 2], "/usr"]) + "\n"


def test_a_python_is_looked_for_once(tmp_path: Path) -> None:
    image = FakeImage({"python": python("/opt/bin/python")})
    for _ in range(2):
        found = Probe(str(tmp_path), "sha256:1f", image.run).python()
        assert found is not None
        assert (found.path, found.version, found.mounted) == ("/opt/bin/python", (3, 11, 2), "")
    assert image.asked == [("python3", ()), ("python", ())]
    assert Probe(str(tmp_path), "sha256:2e", FakeImage({}).run).python() is None


def test_a_lent_python_is_asked_again_when_none_worked(tmp_path: Path) -> None:
    program = tmp_path / "py" / "bin" / "python"
    program.parent.mkdir(parents=True)
    program.touch()
    folder = str(tmp_path / "py")
    there = [("/nowhere/python", "/nowhere"), (str(program), folder)]
    image = FakeImage({})
    assert Probe(str(tmp_path), "sha256:1f", image.run).mounted(there) is None
    image.there[str(program)] = python(str(program))
    for _ in range(2):
        found = Probe(str(tmp_path), "sha256:1f", image.run).mounted(there)
        assert found is not None
        assert found.mounted == folder
    assert image.asked == [(each, (place,)) for each, place in there] * 2


def test_a_broken_file_of_answers_is_as_good_as_none(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "1f.json").write_text("{")
    assert Probe(str(tmp_path), "sha256:1f", FakeImage({"python3": python("/p")}).run).python() is not None
