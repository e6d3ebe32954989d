"""Web services: models that answer requests on this machine."""
