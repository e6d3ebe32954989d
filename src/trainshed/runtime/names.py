"""Names that a script may ask for and that are not inside of a run, each with what to do instead."""

CLOSED = ("azureml", "trainshed")
_LATER = "is not there yet inside of a run; it comes with a later release"
_ITSELF = "is for the program that submitted the run: a script cannot wait for the run that it is"
_VAULT = "needs Azure's key vault; give the script an environment variable (run_config.environment_variables) instead"
METHODS = {
    **dict.fromkeys(("child_run", "create_children", "get_children", "submit_child"), _LATER),
    **dict.fromkeys(("log_accuracy_table", "log_confusion_matrix", "log_predictions", "log_residuals"), _LATER),
    **dict.fromkeys(("register_model", "take_snapshot", "restore_snapshot", "get_snapshot_id"), _LATER),
    **dict.fromkeys(("get_environment", "get_portal_url", "get_docs_url", "get_detailed_status"), _LATER),
    **dict.fromkeys(("wait_for_completion", "get_all_logs", "get_details_with_logs", "clean"), _ITSELF),
    **dict.fromkeys(("get_secret", "get_secrets"), _VAULT),
}
"""Methods of v1's run that raise when they are called: name → the rest of the sentence."""


def missing(name: str) -> str:
    """Return the sentence for an importable name that is not there.

    Args:
        name: in full, e.g. ``"azureml.core.Workspace"``.
    """
    return (
        f"There is no '{name}' here: inside a run there is azureml.core.Run (also trainshed.Run), azureml.exceptions "
        "and azureml.telemetry. Workspace, Experiment, Estimator and the like are for the program that submits runs."
    )


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
