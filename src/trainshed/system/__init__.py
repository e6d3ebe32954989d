"""The machine we are on: processes, exits, ports, GPUs, memory, signals."""
