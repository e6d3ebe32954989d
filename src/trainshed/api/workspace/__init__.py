"""Workspaces and key vaults."""
