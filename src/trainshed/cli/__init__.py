"""The command line: each command a small function over the classes of the API."""
