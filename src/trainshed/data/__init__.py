"""How a node accesses a datastore: by link, by download before the script, by upload after it."""
