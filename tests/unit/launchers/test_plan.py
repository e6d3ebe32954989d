from __future__ import annotations

import pytest

from trainshed.errors import RunConfigurationException
from trainshed.launchers.plan import plan


def test_single() -> None:
    (process,) = plan("single", ("python", "train.py", "--a", "1"))
    assert process.argv == ("python", "train.py", "--a", "1")
    assert process.variables == {"AZUREML_PROCESS_NAME": "main"}


def test_unknown_launcher() -> None:
    with pytest.raises(RunConfigurationException, match="Did you mean 'single'"):
        plan("singel", ("x",))
