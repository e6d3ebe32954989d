"""A workspace whose path has characters that few paths have."""

from __future__ import annotations

from pathlib import Path

import pytest
from service_fixture import ServiceFixture


@pytest.fixture(params=["two\nlines", "with 'quotes\"", "$HOME;`id`", "ünïcödé", "tab\tand\rreturn"])
def tmp_path(request: pytest.FixtureRequest, short_path: Path) -> Path:
    folder = short_path / str(request.param)
    folder.mkdir()
    return folder


def test_a_run_below_an_odd_path(fixture: ServiceFixture) -> None:
    run_id = fixture.submit(
        "import os\nfrom azureml.core import Run\nRun.get_context().log('x', 1)\nprint(os.getcwd())"
    )
    assert fixture.wait(run_id)["status"] == "Completed"
    assert fixture.service.call("GET", f"/runs/{run_id}/metrics")["metrics"] == {"x": 1}
