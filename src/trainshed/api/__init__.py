"""Public classes of Trainshed, re-exported by :mod:`trainshed` and :mod:`azureml`."""
