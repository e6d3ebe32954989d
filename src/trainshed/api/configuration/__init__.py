"""Run configurations and environments."""
