"""What is inside the user's process: the journal and the current run. Standard library only, Python 3.8 and later.

A copy of this room is put on the PYTHONPATH of every script (see :mod:`trainshed.service.script_tree`).
"""
