"""Launchers: pure functions that return the processes of a distributed job, with command lines and variables."""
