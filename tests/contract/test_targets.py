"""Every target does what targets do: see :mod:`common_targets`."""

from common_targets import *  # noqa: F403 - the tests themselves, which other engines run, too
