"""Computers on which runs are held: this one, and any that a command such as ssh reaches."""
