"""What is kept: the history of runs, their metrics and files, snapshots of source. Used by the service alone."""
