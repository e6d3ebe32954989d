"""The log stays small, whatever is logged."""

from __future__ import annotations

import io
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from trainshed.service.log import ServiceLog

WRITES = """
import logging, sys
from pathlib import Path
from trainshed.service import log
log._LARGEST = 2000
handler = log.ServiceLog()
logging.basicConfig(level=logging.INFO, format="%(message)s", handlers=[handler])
logging.info("the start " + "x" * 3000)
handler.rotate(Path(sys.argv[1]))
for number in range(10):
    logging.info("line %d " + "x" * 300 + str(number), number)
print("printed", file=sys.stderr)
print("printed as well")
"""


@pytest.fixture
def handler(monkeypatch: pytest.MonkeyPatch) -> ServiceLog:
    """A log in memory, in which time stands still."""
    monkeypatch.setattr("trainshed.service.log.time.monotonic", lambda: 100.0)
    made = ServiceLog()
    made.setStream(io.StringIO())
    return made


def say(handler: ServiceLog, message: str, *args: object) -> None:
    handler.handle(logging.LogRecord("x", logging.WARNING, __file__, 1, message, args, None))


def lines(handler: ServiceLog) -> list[str]:
    return list(handler.stream.getvalue().splitlines())


def test_equal_records_are_counted(handler: ServiceLog) -> None:
    for number in range(1000):
        say(handler, "Invalid request %d", number)
    say(handler, "something else")
    handler.tell()
    first = [f"Invalid request {number}" for number in range(20)]
    assert lines(handler) == [*first, "something else", "980 more like this one: Invalid request %d"]


def test_records_of_all_kinds_are_counted_together(handler: ServiceLog) -> None:
    for number in range(5000):
        say(handler, f"one of a kind: {number}")
    handler.tell()
    assert len(lines(handler)) < 400
    assert sum("more like this one" in line for line in lines(handler)) == 101


def test_a_second_later_all_is_written_again(handler: ServiceLog, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(30):
        say(handler, "again")
    monkeypatch.setattr("trainshed.service.log.time.monotonic", lambda: 101.5)
    say(handler, "again")
    assert lines(handler) == ["again"] * 20 + ["10 more like this one: again", "again"]


def test_the_file_is_renamed_when_it_is_large(tmp_path: Path) -> None:
    path = tmp_path / "service.log"
    with open(path, "ab") as log:
        subprocess.run([sys.executable, "-c", WRITES, str(path)], stdout=log, stderr=log, check=True)
    assert sorted(os.listdir(tmp_path)) == ["service.log", "service.log.1"]
    text = path.read_text()
    assert len(text) < 3000
    assert "line 9" in text
    assert text.endswith(("printed\nprinted as well\n", "printed as well\nprinted\n"))
    assert "line" in (tmp_path / "service.log.1").read_text()


def test_what_is_not_the_file_is_never_renamed(tmp_path: Path) -> None:
    path, other = tmp_path / "service.log", tmp_path / "other"
    path.write_text("somebody's")
    with open(other, "ab") as log:
        subprocess.run([sys.executable, "-c", WRITES, str(path)], stdout=log, stderr=log, check=True)
    assert path.read_text() == "somebody's"
    assert sorted(os.listdir(tmp_path)) == ["other", "service.log"]
