"""The command line: each command is a small function that uses the API classes."""
