"""The machine that this process runs on: processes, exits, ports, GPUs, memory, signals."""
