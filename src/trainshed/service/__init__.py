"""The process that owns a workspace: queue, supervision, history, and the HTTP API."""
