"""Environments of models that are deployed without a scoring script."""

from __future__ import annotations

import sys

import pytest

from trainshed.api.deployment.no_code import NoCodeConfig


@pytest.mark.parametrize(
    ("version", "packages", "python"),
    [
        (None, ["scikit-learn", "pandas"], None),
        ("99.0.1", ["scikit-learn==99.0.1", "pandas"], None),
        ("0.19.1", ["scikit-learn==0.19.1", "pandas", "numpy<1.24"], "3.6"),
        ("0.24", ["scikit-learn==0.24.*", "pandas", "numpy<1.24"], "3.9"),
    ],
)
def test_a_pickle_is_loaded_by_the_release_that_made_it(
    version: str | None, packages: list[str], python: str | None
) -> None:
    config = NoCodeConfig("ScikitLearn", version)
    assert config.environment is not None
    dependencies = config.environment.python.conda_dependencies
    assert list(dependencies.pip_packages) == packages
    here = "{}.{}".format(*sys.version_info)
    assert (dependencies.get_python_version() or here) == (python or here)
