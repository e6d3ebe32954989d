"""Notebook widgets."""

from trainshed.widgets.run_details import RunDetails

__all__ = ["RunDetails"]
