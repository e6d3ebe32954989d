"""Logs and files are bytes: each is served as it was written, as soon as it was, under its own name."""

from __future__ import annotations

from pathlib import Path

import pytest
from service_fixture import ServiceFixture

from trainshed.errors import NotFoundException

ALL = bytes(range(256))
# Bytes that are no text, a character of several bytes, and the beginning of a line that is not ended.
SCRIPT = """
import os, sys, time
sys.stdout.buffer.write(bytes(range(256)) + "\\u00e9".encode() * 1000 + b"\\rno newline")
sys.stdout.flush()
while not os.path.exists(sys.argv[1]):
    time.sleep(0.02)
sys.stdout.buffer.write(b"\\x80" * 3)
"""
BEFORE = ALL + "\u00e9".encode() * 1000 + b"\rno newline"
LOG = "azureml-logs/70_driver_log.txt"


def test_a_log_is_followed_byte_by_byte(fixture: ServiceFixture, tmp_path: Path) -> None:
    run_id = fixture.submit(SCRIPT, arguments=[str(tmp_path / "go")])
    pieces = fixture.service.stream("GET", f"/runs/{run_id}/files/{LOG}", {"follow": 1})
    seen = b""
    while len(seen) < len(BEFORE):
        seen += next(pieces)  # all of it comes before the script goes on
    assert seen == BEFORE
    (tmp_path / "go").touch()
    assert b"".join(pieces) == b"\x80" * 3
    for offset in (0, 200, len(ALL) + 1):
        got = b"".join(fixture.service.stream("GET", f"/runs/{run_id}/files/{LOG}", {"offset": offset}))
        assert got == (BEFORE + b"\x80" * 3)[offset:]


def test_a_name_is_decoded_once(fixture: ServiceFixture) -> None:
    names = ["a%41.txt", "aA.txt", "b%2Fc.txt", "100%25.txt", "%2e%2e", "d+e f.txt"]
    script = f"for name in {names!r}: open('outputs/' + name, 'w').write(name)"
    run_id = fixture.submit(script)
    assert fixture.wait(run_id)["status"] == "Completed"
    for name in names:
        quoted = f"outputs/{name}".replace("%", "%25").replace(" ", "%20").replace("+", "%2B")
        assert b"".join(fixture.service.stream("GET", f"/runs/{run_id}/files/{quoted}")) == name.encode()
    with pytest.raises(NotFoundException):
        b"".join(fixture.service.stream("GET", f"/runs/{run_id}/files/outputs/b%252525Fc.txt"))
