"""The words everyone here speaks: what a run is, and the states it can be in. No I/O."""
