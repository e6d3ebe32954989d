"""Every target does with data what targets do: see :mod:`common_data`."""

from common_data import *  # noqa: F403 - the tests themselves, and their fixtures
