"""Rules of a record."""

from __future__ import annotations

import pytest

from trainshed.errors import UserErrorException
from trainshed.spec.checks import check_run_spec
from trainshed.spec.environment import EnvironmentSpec
from trainshed.spec.run import RunSpec


@pytest.mark.parametrize("python", ["3.11", "3.8.13", "3.6*", "=3.8=h_0", ">=3.9,<3.12", "~=3.9", "3.8|3.9", "3.14rc1"])
def test_versions_of_python(python: str) -> None:
    check_run_spec(RunSpec("trial", None, script="train.py", environment=EnvironmentSpec(python=python)))


@pytest.mark.parametrize("python", ["abc", "=abc", "", "3.x", "python3.8", "3.8; rm", "3.11\n", "latest"])
def test_what_is_no_version_of_python_is_refused(python: str) -> None:
    with pytest.raises(UserErrorException, match=r"is not a version; use one such as 3\.11"):
        check_run_spec(RunSpec("trial", None, script="train.py", environment=EnvironmentSpec(python=python)))
