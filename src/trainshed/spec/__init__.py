"""Run specifications, run states, and their validation, without I/O."""
