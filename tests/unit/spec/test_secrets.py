from __future__ import annotations

import json

import pytest

from trainshed.spec.record import to_json
from trainshed.spec.run import InputSpec, RunSpec
from trainshed.spec.secrets import masked, without_secrets


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://me:p@ss@host/x", "https://***@host/x"),
        ("https://token@host/x", "https://***@host/x"),
        ("https://host/t/to-ken/main?sig=abc&v=1", "https://host/t/***/main?sig=***&v=1"),
        ("see https://me:pw@host/x and http://tok@h", "see https://***@host/x and http://***@h"),
        ("package @ git+https://me:pw@host/x.git@main", "package @ git+https://***@host/x.git@main"),
        ("git+ssh://git@host/x.git", "git+ssh://git@host/x.git"),
        ("git+ssh://me:pw@host/x.git", "git+ssh://me:***@host/x.git"),
        ("--extra-index-url https://me:pw@host/simple", "--extra-index-url https://***@host/simple"),
        ("https://host/?mail=a@b", "https://host/?mail=a@b"),
        ("a@b --alpha=1", "a@b --alpha=1"),
    ],
)
def test_passwords_in_urls_are_masked(text: str, shown: str) -> None:
    assert masked(text) == shown


def test_a_request_without_its_secrets() -> None:
    definition = json.dumps({"type": "file", "paths": ["https://a/b", "c@d"]})
    spec = to_json(RunSpec("e", environment_variables={"A": "1"}, inputs=(InputSpec("i", definition),)))
    shown = without_secrets(
        {**spec, "container": {"arguments": ["-e", "A=1", "--env=B=2", "--memory=1g", "-eC=3", "D=4"]}}
    )
    assert shown == {
        **spec,
        "environment_variables": {"A": "***"},
        "container": {"arguments": ["-e", "A=***", "--env=B=***", "--memory=1g", "-eC=***", "D=4"]},
    }


def test_a_request_without_secrets_stays_as_it_is() -> None:
    spec = to_json(RunSpec("e", arguments=("--url", "https://host/x"), environment_variables={}))
    assert without_secrets(spec) == spec
