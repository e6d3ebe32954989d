"""MLflow's clients at the service: its routes, on the workspace's own rows."""
