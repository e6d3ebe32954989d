"""azureml.telemetry: there is none."""

import logging


def set_diagnostics_collection(
    send_diagnostics: bool = True, verbosity: int = logging.INFO, reason: str = "", path: str | None = None
) -> None:
    """Do nothing: nothing is collected."""
