"""Access to datastores and datasets on a node: links, downloads before the script, and uploads after it."""
