from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from trainshed.environments import interpreters
from trainshed.environments.cache import Slot, key_of, prune
from trainshed.environments.commands import essence, run
from trainshed.environments.conda import Silence, channels
from trainshed.environments.pip_settings import for_uv, masked


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


def test_passwords_are_masked() -> None:
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


def test_channels(monkeypatch: pytest.MonkeyPatch) -> None:
    assert channels(()) == ["conda-forge"]
    assert channels(("defaults", "conda-forge"))[0].startswith("https://")
    assert channels(("anaconda",)) == channels(("defaults",))
    monkeypatch.setenv("TRAINSHED_CONDA_CHANNELS", "a b")
    assert channels(()) == ["a", "b"]


def test_silent_channels_are_remembered(tmp_path: Path) -> None:
    assert not Silence(tmp_path, ["a"]).lately()
    Silence(tmp_path, ["a"]).note()
    assert Silence(tmp_path, ["a"]).lately()
    assert not Silence(tmp_path, ["b"]).lately()


def test_key_depends_on_everything_and_nothing_else() -> None:
    assert key_of({"a": 1, "b": 2}) == key_of({"b": 2, "a": 1})
    assert key_of({"a": 1}) != key_of({"a": 2})


def test_failed_build_leaves_nothing_and_is_tried_again(tmp_path: Path) -> None:
    def fail(prefix: Path) -> dict:
        prefix.mkdir(parents=True)
        (prefix / "half").touch()
        raise KeyError

    slot = Slot(tmp_path, "k")
    with pytest.raises(KeyError):
        slot.build(io.BytesIO(), fail)
    assert not slot.prefix.exists()
    slot.release()

    # What a killed builder left: a folder without a record.
    slot.prefix.mkdir(parents=True)
    (slot.prefix / "half").touch()
    again = Slot(tmp_path, "k")
    assert again.found() is None

    def succeed(prefix: Path) -> dict:
        assert not prefix.exists()
        prefix.mkdir()
        return {"resolved": []}

    again.build(io.BytesIO(), succeed)
    assert Slot(tmp_path, "k").found() is not None


def test_prune_spares_what_is_held(tmp_path: Path) -> None:
    for key in ("held", "free"):
        slot = Slot(tmp_path, key)
        slot.build(io.BytesIO(), lambda prefix: (prefix.mkdir(parents=True), {"resolved": []})[1])
        if key == "free":
            slot.release()
        else:
            held = slot
    assert prune(tmp_path, unused_days=1) == []
    assert prune(tmp_path, unused_days=-1) == ["free"]
    assert held.found() is not None


def test_output_is_streamed_and_masked() -> None:
    log = io.BytesIO()
    code, said = run([sys.executable, "-c", "print('https://u:p@h/x'); raise SystemExit(3)"], {}, log)
    assert (code, said) == (3, "https://***@h/x\n")
    assert log.getvalue() == b"https://***@h/x\n"


def test_the_essence_of_a_failure() -> None:
    said = "Resolving\nDownloading\n  \u00d7 No solution found when resolving:\n  ╰─▶ because x\n"
    assert essence(said) == "  \u00d7 No solution found when resolving:\n  ╰─▶ because x"
