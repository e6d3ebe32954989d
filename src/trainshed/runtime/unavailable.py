"""Names that a script may ask for and that are not inside of a run, each with what to do instead."""

import sys

CLOSED = ("azureml", "trainshed")
_ITSELF = "is for the program that submitted the run: a script cannot wait for the run that it is"
NOT_HERE = "asks the service, which needs Python 3.10 or later"
METHODS = {
    **dict.fromkeys(("wait_for_completion", "clean"), _ITSELF),
}
"""Methods of v1's run that raise when they are called: name → the rest of the sentence."""
ASKED = frozenset(
    {"child_run", "create_children", "get_children", "submit_child", "register_model", "take_snapshot"}
    | {
        "restore_snapshot",
        "get_snapshot_id",
        "get_environment",
        "get_portal_url",
        "get_docs_url",
        "get_detailed_status",
    }
    | {"get_all_logs", "get_details_with_logs", "get_secret", "get_secrets", "download_files"}
)
"""Methods that are asked of the service: those of ``trainshed.api.runs.run.Run``."""


def whole() -> object:
    """Return all of Trainshed: beside the run, or the package itself where this is no run.

    Raises:
        ImportError: neither is there.
    """
    from importlib import import_module

    try:
        return import_module("trainshed.whole")
    except ModuleNotFoundError:
        return import_module("trainshed")


def missing(name: str) -> str:
    """Return the sentence for an importable name that is not there.

    Args:
        name: in full, e.g. ``"azureml.core.Workspace"``.
    """
    if sys.version_info < (3, 10):
        why = (
            f"under Python {sys.version_info[0]}.{sys.version_info[1]} there is the run alone; use Python 3.10 or later"
        )
    else:
        why = "SDK v1's names come with trainshed-azureml: install it (compat/azureml) where Trainshed itself is"
    return f"There is no '{name}' inside of this run: {why}. azureml.core.Run (also trainshed.Run) is always there."


class Finder:
    """Asked last of all finders, and so only for what is nowhere: says why, in place of "No module named"."""

    @staticmethod
    def find_spec(name: str, *others: object) -> None:  # noqa: ARG004 - the protocol of finders
        """Raise if the name is one of ours.

        Args:
            name: the module, in full.
            others: ignored.

        Raises:
            ModuleNotFoundError: with a sentence.
        """
        package, _, last = name.rpartition(".")
        if package.partition(".")[0] in CLOSED and not last.startswith("_"):
            # Python drops the error of 'from package import name' if it bears the whole name.
            raise ModuleNotFoundError(missing(name), name=package)
