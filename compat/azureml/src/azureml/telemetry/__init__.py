"""azureml.telemetry: there is none."""


def set_diagnostics_collection(*_: object, **__: object) -> None:
    """Do nothing."""
