"""A machine we can type on: its processes, and files on it."""
