"""How a node reaches a datastore: by link, by download before the script, by upload after it."""
