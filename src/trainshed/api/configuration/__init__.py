"""How a run is to run: run configurations and environments."""
