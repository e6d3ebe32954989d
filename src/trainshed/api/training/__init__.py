"""Estimators and script run configurations, and their conversion to run specifications."""
