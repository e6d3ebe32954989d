"""Datastores, datasets, data references, and models."""
