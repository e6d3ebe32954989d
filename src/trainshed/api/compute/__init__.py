"""Compute targets: where runs run."""
