"""Web services: their runs, versions, ports, and the requests that pass through the service."""
