"""SDK v1's module ``azureml.telemetry``. Trainshed collects no telemetry."""

import logging


def set_diagnostics_collection(
    send_diagnostics: bool = True, verbosity: int = logging.INFO, reason: str = "", path: str | None = None
) -> None:
    """Do nothing. Trainshed collects no diagnostics."""
