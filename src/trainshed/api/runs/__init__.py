"""Experiments and runs."""
