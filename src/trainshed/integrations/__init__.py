"""Callbacks and loggers that record in the run what training frameworks report: one module for each framework.

They are imported by scripts that use the framework, and only need what a script has of Trainshed; but MLflow imports
``mlflow_projects`` where runs are submitted.
"""
