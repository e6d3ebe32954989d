"""Tells that these names are Trainshed's, for those who look without importing them."""
