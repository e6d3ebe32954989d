"""Descriptions of runs and the states they can be in. No I/O."""
