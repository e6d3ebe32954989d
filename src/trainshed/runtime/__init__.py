"""Code that runs inside the user's process: the journal and the current run.

It needs only the standard library of Python 3.6 or later.
A copy of this package is put on the PYTHONPATH of every script (see :mod:`trainshed.service.script_tree`).
"""
