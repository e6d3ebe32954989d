"""What users hold: workspace, experiment, run, estimator, run configuration, datastore, compute target."""
