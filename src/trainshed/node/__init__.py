"""What happens on a node: prepare a run, start its script, record how it ended. Standard library only."""
