"""Runs in notebooks."""

from trainshed.widgets.run_details import RunDetails

__all__ = ["RunDetails"]
