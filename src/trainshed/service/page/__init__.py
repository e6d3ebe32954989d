"""The page: its documents, what they load, and the fragments for notebooks."""
