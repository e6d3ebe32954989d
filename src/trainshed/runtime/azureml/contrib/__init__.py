"""azureml.contrib inside a run: only ``services``, which scoring scripts use."""
