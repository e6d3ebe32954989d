"""Turns one command into many processes: pure functions that return command lines and variables."""
