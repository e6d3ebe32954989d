"""azureml.telemetry inside a run: there is none."""


def set_diagnostics_collection(*_: object, **__: object) -> None:
    """Do nothing."""
