"""What happens on a node: prepare, start the script, see how it ends. Standard library only."""
