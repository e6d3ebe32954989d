"""Samplers and early termination policies: pure functions of the space, the seed, and what is known of the trials."""
