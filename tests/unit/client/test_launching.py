"""The environment of a new service."""

from __future__ import annotations

import pytest

from trainshed.client import launching


def test_a_service_that_a_notebook_starts_has_nothing_of_its_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TRAINSHED_RUN_ID", raising=False)
    kernel = {"JPY_PARENT_PID": "1", "MPLBACKEND": "module://matplotlib_inline.backend_inline", "FORCE_COLOR": "1"}
    for name, value in kernel.items():
        monkeypatch.setenv(name, value)
    assert not kernel.keys() & launching._environment().keys()


def test_a_service_that_a_terminal_starts_keeps_what_its_user_has_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TRAINSHED_RUN_ID", raising=False)
    monkeypatch.delenv("JPY_PARENT_PID", raising=False)
    monkeypatch.setenv("MPLBACKEND", "agg")
    assert launching._environment()["MPLBACKEND"] == "agg"


def test_where_this_process_logs_with_mlflow_is_not_where_runs_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:1")
    assert "MLFLOW_TRACKING_URI" not in launching._environment()
