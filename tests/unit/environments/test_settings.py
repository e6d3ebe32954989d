from __future__ import annotations

import io
import os
import sys
from pathlib import Path

import pytest

from trainshed.environments import interpreters
from trainshed.environments.commands import BuildContext, essence, failure
from trainshed.environments.conda import ChannelBackoff, channels
from trainshed.environments.pip_settings import fingerprint, for_uv, no_index
from trainshed.spec.secrets import masked


def test_pip_settings_reach_uv(tmp_path: Path) -> None:
    (tmp_path / "pip.conf").write_text(
        "[global]\nindex-url = https://me:pw@host/simple\nextra-index-url =\n  https://a/simple\n  https://b/simple\n"
        "cert = /cert.pem\n[install]\nfind-links = /wheels\n"
    )
    environ = {"PIP_CONFIG_FILE": str(tmp_path / "pip.conf"), "HOME": str(tmp_path), "SSL_CERT_FILE": "/mine"}
    made = for_uv(environ)
    assert made["UV_DEFAULT_INDEX"] == "https://me:pw@host/simple"
    assert made["UV_INDEX"] == "https://a/simple https://b/simple"
    assert made["UV_FIND_LINKS"] == "/wheels"
    assert made["UV_INDEX_STRATEGY"] == "unsafe-best-match"
    assert "SSL_CERT_FILE" not in made, "the user's own setting for it stands"
    assert for_uv({**environ, "PIP_INDEX_URL": "https://other"})["UV_DEFAULT_INDEX"] == "https://other"


@pytest.fixture
def bare(tmp_path: Path) -> dict[str, str]:
    """An environment in which nothing is configured."""
    return {"PIP_CONFIG_FILE": os.devnull, "HOME": str(tmp_path)}


def test_an_index_asked_for_replaces_all_that_are_configured(bare: dict[str, str]) -> None:
    configured = {**bare, "PIP_INDEX_URL": "https://a", "PIP_EXTRA_INDEX_URL": "https://b", "UV_INDEX": "https://c"}
    made = for_uv(configured, ["--index-url https://mine", "--extra-index-url https://more"])
    assert made["UV_DEFAULT_INDEX"] == "https://mine"
    assert made["UV_INDEX"] == "https://more"
    assert for_uv(configured, ["--index-url https://mine"])["UV_INDEX"] == ""


def test_further_options_are_added(bare: dict[str, str]) -> None:
    configured = {**bare, "PIP_EXTRA_INDEX_URL": "https://b", "PIP_FIND_LINKS": "/a /b", "PIP_TRUSTED_HOST": "h"}
    options = ["--extra-index-url https://x", "--find-links /c", "--trusted-host i", "--pre"]
    assert for_uv(configured, options) == {
        "UV_INDEX": "https://b https://x",
        "UV_FIND_LINKS": "/c,/a,/b",
        "UV_INSECURE_HOST": "i,h",
        "UV_INDEX_STRATEGY": "unsafe-best-match",
        "UV_PRERELEASE": "allow",
    }


def test_uvs_own_settings_win_over_pips(bare: dict[str, str]) -> None:
    configured = {**bare, "PIP_INDEX_URL": "https://a", "PIP_EXTRA_INDEX_URL": "https://b"}
    own = {"UV_DEFAULT_INDEX": "https://mine", "UV_INDEX": "https://more", "UV_INDEX_STRATEGY": "first-index"}
    assert for_uv({**configured, **own}) == {}


def test_no_index_is_kept_unless_the_run_asks_for_one(bare: dict[str, str]) -> None:
    assert not no_index(bare)
    assert no_index({**bare, "PIP_NO_INDEX": "1"})
    assert not no_index({**bare, "PIP_NO_INDEX": "1"}, ["--index-url https://x"])


def test_fingerprint_tells_indexes_apart_and_has_no_passwords(bare: dict[str, str]) -> None:
    one = fingerprint({**bare, "PIP_INDEX_URL": "https://me:old@host/simple"}, [])
    assert one == fingerprint({**bare, "PIP_INDEX_URL": "https://me:new@host/simple"}, [])
    assert one != fingerprint({**bare, "PIP_INDEX_URL": "https://other/simple"}, [])
    assert "old" not in str(one)
    assert fingerprint({**bare, "UV_EXCLUDE_NEWER": "2024-01-01"}, []) != fingerprint(bare, [])
    assert fingerprint({**bare, "SSL_CERT_FILE": "/x", "PATH": "/y"}, []) == fingerprint(bare, [])


def test_passwords_are_masked() -> None:
    assert masked("https://me:p@ss@host/x") == "https://***@host/x"
    assert masked("https://host/t/to-ken/main?sig=abc&v=1") == "https://host/t/***/main?sig=***&v=1"
    assert masked("see https://me:pw@host/x and http://tok@h") == "see https://***@host/x and http://***@h"


@pytest.mark.parametrize(
    ("version", "wanted", "answer"),
    [
        ((3, 11, 7), "3.11", True),
        ((3, 11, 7), "3.1", False),
        ((3, 11, 7), "3.11.8", False),
        ((3, 11, 7), ">=3.8,<3.12", True),
        ((3, 11, 7), "<=3.11", True),
        ((3, 11, 7), ">3.11", False),
        ((3, 12, 1), "~=3.11", True),
        ((3, 11, 7), "3", True),
        ((3, 11, 7), "==3.11.*", True),
    ],
)
def test_which_version_will_do(version: tuple[int, ...], wanted: str, answer: bool) -> None:
    assert interpreters.satisfies(version, wanted) is answer


def test_our_own_python_comes_first() -> None:
    assert interpreters.find(None) == interpreters.own()
    assert interpreters.find(f"{sys.version_info[0]}.{sys.version_info[1]}") == interpreters.own()
    assert interpreters.find("2.1") is None


def test_a_python_is_asked_for_its_version_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = tmp_path / "asked"
    python = tmp_path / "bin" / "python3.77"
    python.parent.mkdir()
    python.write_text(f"#!/bin/sh\necho x >> {asked}\necho 3.77.1\n")
    python.chmod(0o755)
    monkeypatch.setenv("PATH", f"{python.parent}:{os.environ['PATH']}")
    for _ in range(3):
        assert interpreters.find("3.77", tmp_path / "home") == interpreters.Interpreter(str(python), (3, 77, 1))
    assert asked.read_text() == "x\n"
    python.write_text(f"#!/bin/sh\necho x >> {asked}\necho 3.77.20\n")
    assert interpreters.find("3.77.20", tmp_path / "home").version == (3, 77, 20)  # type: ignore[union-attr]
    (tmp_path / "home" / "interpreters.json").write_text("{ torn")
    assert interpreters.find("3.77", tmp_path / "home") is not None


def test_only_folders_of_cpython_tell_a_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("3.78.1", "pypy3.9-7.78.15", "miniconda3-23.78.0-1", "3.78.2t", "mine-3.78.3"):
        python = tmp_path / "versions" / name / "bin" / "python3"
        python.parent.mkdir(parents=True)
        python.touch(mode=0o755)
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    found = [one for one in interpreters.everything() if one.path.startswith(str(tmp_path))]
    assert [one.version for one in found] == [(3, 78, 1)]


def test_channels(monkeypatch: pytest.MonkeyPatch) -> None:
    assert channels(()) == ["conda-forge"]
    assert channels(("defaults", "conda-forge"))[0].startswith("https://")
    assert channels(("anaconda",)) == channels(("defaults",))
    monkeypatch.setenv("TRAINSHED_CONDA_CHANNELS", "a, b")
    assert channels(()) == ["a", "b"]


def test_silent_channels_are_remembered(tmp_path: Path) -> None:
    assert not ChannelBackoff(tmp_path, ["a"]).active()
    ChannelBackoff(tmp_path, ["a"]).start()
    assert ChannelBackoff(tmp_path, ["a"]).active()
    assert not ChannelBackoff(tmp_path, ["b"]).active()
    ChannelBackoff(tmp_path, ["https://me:secret@host"]).start()
    assert ChannelBackoff(tmp_path, ["a"]).active()
    assert "secret" not in (tmp_path / "conda-backoff.json").read_text()


def test_output_is_streamed_and_masked(tmp_path: Path) -> None:
    log = io.BytesIO()
    context = BuildContext(str(tmp_path), log)
    code, output = context.run([sys.executable, "-c", "print('https://u:p@h/x'); raise SystemExit(3)"], {})
    assert (code, output) == (3, "https://***@h/x\n")
    assert log.getvalue() == b"https://***@h/x\n"


def test_the_essence_of_a_failure() -> None:
    output = "Resolving\nDownloading\n  \u00d7 No solution found when resolving:\n  ╰─▶ because x\n"
    assert essence(output) == "  \u00d7 No solution found when resolving:\n  ╰─▶ because x"


def test_a_failure_has_the_facts_in_its_details() -> None:
    failed = failure("It failed", "uv pip", 2, "Resolving\nerror: no\n")
    assert str(failed) == "It failed:\nerror: no"
    assert failed.details == {"command": "uv pip", "exit_code": 2, "last_lines": ["Resolving", "error: no"]}
