"""Marker file: shows that the ``azureml`` package is Trainshed's, without importing it."""
