"""Azure ML's Python SDK v1 API, implemented by Trainshed."""

import os
import sys


def _check_no_azureml_core() -> None:
    """Raise if azureml-core is installed, too: modules of both distributions would be mixed."""
    site_packages = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    # List the folders, because importlib.metadata takes 30 times as long.
    for folder in {site_packages, *filter(None, sys.path)}:
        try:
            names = os.listdir(folder)
        except OSError:
            continue
        if any(name.startswith("azureml_core-") and name.endswith((".dist-info", ".egg-info")) for name in names):
            raise ImportError(
                "azureml-core is installed in this environment, and trainshed-azureml provides the same modules. "
                "Keep one of them: pip uninstall azureml-core (and reinstall trainshed-azureml), or use another "
                "environment."
            )


_check_no_azureml_core()

if os.environ.get("TRAINSHED_LEGACY", "") not in ("", "0"):  # as in runs: also for the program that submits them
    from trainshed.runtime import legacy

    legacy.install()

# Other distributions, such as azureml-mlflow, have packages in this namespace. pkgutil.extend_path does the same, but
# importing pkgutil takes 10 ms.
__path__ += [
    folder
    for folder in (os.path.join(entry, "azureml") for entry in sys.path)
    if folder not in __path__ and os.path.isdir(folder)
]


class _Stubs:
    """The last finder, for modules of SDK v1 that have no file here."""

    @staticmethod
    def find_spec(name: str, *_: object) -> object:
        if not name.startswith("azureml."):
            return None
        from azureml import _modules  # only once such a module is imported

        return _modules.find_spec(name)


if not any(getattr(finder, "__name__", "") == "_Stubs" for finder in sys.meta_path):
    sys.meta_path.append(_Stubs)  # type: ignore[arg-type]  # a class is a finder, too


def __getattr__(name: str) -> object:
    # After "import azureml.core", programs use these without an import of their own, as SDK v1 had imported them.
    if name not in ("core", "data", "exceptions"):
        raise AttributeError(f"module 'azureml' has no attribute '{name}'")
    from importlib import import_module

    return import_module(f"azureml.{name}")
