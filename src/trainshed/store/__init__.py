"""Storage: the history of runs, their metrics and files, snapshots of source. Used only by the service."""
