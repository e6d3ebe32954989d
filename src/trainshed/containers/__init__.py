"""Container engines: find one, have the image there, see what Python it has, and say what the engine is to run."""
