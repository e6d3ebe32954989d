"""What OpenSSH says, in words that say what to do; and the command lines, whatever the login shell."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

import pytest

from trainshed.machines import far_shell
from trainshed.machines.ssh import Ssh
from trainshed.machines.ways import Command, Place

PLAIN_CHANGED = """@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @
@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
The fingerprint for the ED25519 key sent by the remote host is
SHA256:qTHw834f4rfFFPgzbmCay1iZR3Ti6ogXxpFK+abS7e4.
Offending ED25519 key in /home/me/.ssh/known_hosts:7
Host key for [127.0.0.1]:22622 has changed and you have requested strict checking.
Host key verification failed.
"""


@pytest.mark.parametrize(
    ("said", "lasting", "words"),
    [
        (PLAIN_CHANGED, True, "line 7 of /home/me/.ssh/known_hosts has another"),
        (PLAIN_CHANGED, True, "ssh-keygen -f /home/me/.ssh/known_hosts -R '[127.0.0.1]:22622'"),
        ("me@192.0.2.1: Permission denied (publickey,password).\n", True, "me@192.0.2.1 refuses the login"),
        (
            "me@h: Permission denied (publickey,keyboard-interactive).",
            True,
            "open a connection yourself (setting reuse)",
        ),
        ("Received disconnect from ::1: 2: Too many authentication failures", True, "your agent offers so many keys"),
        (
            "Permissions 0644 for '/home/me/my key' are too open.\nWARNING: UNPROTECTED PRIVATE KEY FILE!",
            True,
            "chmod 600",
        ),
        (
            "Bad owner or permissions on /home/me/.ssh/config\n",
            True,
            "Bad owner or permissions on /home/me/.ssh/config",
        ),
        ("ssh: Could not resolve hostname x: Name or service not known", False, "there is no host of that name"),
        ("ssh: connect to host h port 22: Connection refused", False, "no SSH server listens at port 22 of h"),
        ("ssh: connect to host h port 22: Connection timed out", False, "port 22 of h does not answer"),
        ("ssh: connect to host h port 22: No route to host", False, "there is no route to port 22 of h"),
        ("ssh: connect to host h port 22: Network is unreachable", False, "no network that leads to port 22 of h"),
    ],
)
def test_what_openssh_says(said: str, lasting: bool, words: str) -> None:
    trouble = Ssh("h", user="me", port=22, key="/k").trouble(255, said)
    assert trouble is not None
    assert words in trouble.sentence
    assert trouble.lasting == lasting
    assert not trouble.sentence.endswith(".")


def test_what_is_not_known_is_told_as_it_was_said() -> None:
    assert Ssh("h").trouble(255, "kex_exchange_identification: Connection closed by remote host") is None
    assert Command("x", ("false",)).trouble(1, "whatever") is None


def test_a_command_of_the_machine_that_failed_is_no_trouble_of_the_line() -> None:
    trouble = Ssh("h").trouble(1, "This service allows sftp connections only.\n")
    assert trouble is not None
    assert "the account runs no commands (exit code 1: This service allows sftp connections only.)" in trouble.sentence


def test_the_command_never_asks_and_names_what_the_user_named() -> None:
    way = Ssh("h", user="me", port=2222, key="/a key", config="/a config")
    command = way.command()
    assert command[:12] == (
        "ssh",
        "-F",
        "/a config",
        "-l",
        "me",
        "-p",
        "2222",
        "-i",
        "/a key",
        "-o",
        "IdentitiesOnly=yes",
        "-o",
    )
    assert command[-1] == "h"
    assert {"BatchMode=yes", "ControlMaster=no", "ForwardAgent=no"} <= set(command)
    assert way.by_hand() == "ssh -F '/a config' -l me -p 2222 -i '/a key' -o IdentitiesOnly=yes h true"
    assert (way.environ() or {})["SSH_ASKPASS_REQUIRE"] == "never"
    assert way.blocked() == ""


LINES = [
    far_shell.begin(Place()),
    far_shell.begin(Place(folder="~/a folder", python="/opt/python 3/bin/python3")),
    far_shell.receive(Place(), "0" * 64, 10, far_shell.UNPACK),
    far_shell.receive(Place(folder="/scratch/me"), "0" * 64, 10, far_shell.UV_PYTHON),
]


@pytest.mark.parametrize("line", LINES)
def test_all_shells_hand_a_line_on_alike(line: str) -> None:
    assert line.count("'") == 2
    assert not set("!\n") & set(line)
    words = shlex.split(line)
    assert words[:3] == ["exec", "/bin/sh", "-c"]
    assert len(words) == 4
    done = subprocess.run(["/bin/sh", "-n", "-c", words[3]], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("path", ["/a'b", '/a"b', "/a$b", "/a`b", "/a\\b", "/a!b", "/a\nb", "/a;b"])
def test_a_path_that_could_not_be_quoted(path: str) -> None:
    assert far_shell.unquotable(path) == path[2]
    assert far_shell.unquotable("/scratch/me@site/a-b_c+d,e=1%/x y~") == ""


def test_a_file_that_arrives_damaged_is_thrown_away_and_half_a_file_is_kept(tmp_path: Path) -> None:
    """The line itself, in this machine's shell."""
    import hashlib

    content = b"some content"
    sha = hashlib.sha256(content).hexdigest()
    arrived = tmp_path / "home" / "incoming" / sha
    line = far_shell.receive(Place(folder=str(tmp_path / "home")), sha, len(content), 'cp "$f" "$H/done"')

    def send(piece: bytes) -> list[bytes]:
        return subprocess.run(
            ["/bin/sh", "-c", line], input=piece, stdout=subprocess.PIPE, check=True
        ).stdout.splitlines()

    assert send(content[:5]) == [b"trainshed: has 0", b"trainshed: ended 1"]
    assert arrived.read_bytes() == content[:5]
    assert send(b"x" * 7) == [b"trainshed: has 5", b"trainshed: ended 64"]
    assert not arrived.exists()
    assert send(content) == [b"trainshed: has 0", b"trainshed: ended 0"]
    assert (tmp_path / "home" / "done").read_bytes() == content
