"""Experiments and their runs: submitting, following, reading, controlling."""
