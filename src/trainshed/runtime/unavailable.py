"""Names that a script may use but that are not available inside a run, each with what to do instead."""

TYPE_CHECKING = False  # type checkers treat it like typing.TYPE_CHECKING, and the import is saved
if TYPE_CHECKING:
    from typing import Any

CLOSED = ("azureml", "trainshed")
_ITSELF = "is for the program that submitted the run: a script cannot wait for its own run"
NOT_HERE = "calls the service, whose address is not in the environment of this script"
METHODS = {
    **dict.fromkeys(("wait_for_completion", "clean"), _ITSELF),
}
"""Methods of v1's run that raise when they are called: name → the second half of the message."""
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
"""Methods that call the service: those of ``trainshed.api.runs.run.Run``."""


def whole() -> object:
    """Return the complete Trainshed package: the copy beside the run, or outside a run the installed package.

    Raises:
        ImportError: neither is available.
    """
    from importlib import import_module

    try:
        return import_module("trainshed.whole")
    except ModuleNotFoundError:
        return import_module("trainshed")


def missing(name: str) -> str:
    """Return the error message for an importable name that is not available.

    Args:
        name: the full name, e.g. ``"azureml.core.Workspace"``.
    """
    import os

    client = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(__file__))), "client", "azureml")
    if name.startswith("trainshed.") or os.path.isdir(client):
        return f"Trainshed has no '{name}', neither in a script nor outside of one."
    return (
        f"'{name}' is not available inside this run: SDK v1's names come with trainshed-azureml: install it "
        "(compat/azureml) where Trainshed is installed. azureml.core.Run (also trainshed.Run) is always available."
    )


class Finder:
    """The last finder, reached only for modules that no other finder has: explains why instead of "No module named"."""

    @staticmethod
    def find_spec(name: str, *others: object) -> "Any":  # noqa: ARG004 - the protocol of finders
        """Return the spec of a module of SDK v1 that has no file, and raise for other names of Trainshed or azureml.

        Args:
            name: the full name of the module.
            others: ignored.

        Raises:
            ModuleNotFoundError: with an explanation.
        """
        package, _, last = name.rpartition(".")
        if package.partition(".")[0] in CLOSED and not last.startswith("_"):
            found = _without_file(name)
            if found is None:
                # For 'from package import name', Python hides the error if it carries the full name.
                raise ModuleNotFoundError(missing(name), name=package)
            return found
        return None


def _without_file(name: str) -> "Any":
    try:
        from azureml._modules import find_spec  # from trainshed-azureml, if that is installed beside Trainshed
    except ImportError:
        return None
    return find_spec(name)
