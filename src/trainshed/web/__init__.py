"""The page: its static files, who may see it, and what it asks of the history."""
