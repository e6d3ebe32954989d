"""Container engines: find one, provide the image, detect its Python, and build the engine's command lines."""
