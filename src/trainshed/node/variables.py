"""The environment variables of a script."""

from __future__ import annotations

import os

from trainshed.errors import TYPE_CHECKING
from trainshed.spec import layout
from trainshed.spec.run import RunSpec

if TYPE_CHECKING:
    from typing import Any, Dict, Mapping, Sequence, Tuple

# These belong to the service's own interpreter, not to the script's.
_OURS = ("PYTHON", "VIRTUAL_ENV", "CONDA_PREFIX", "CONDA_DEFAULT_ENV", "TRAINSHED_", "AZUREML_", "__PYVENV")
_KEPT = ("TRAINSHED_HOME",)
_REFERENCE = r"\$(\{?)((?:AZUREML|AZ_BATCH)[A-Za-z0-9_]*)(\}?)"


def inherited(environ: Mapping[str, str]) -> Dict[str, str]:
    """Return the variables that a script inherits from the service's environment.

    Args:
        environ: the service's environment.
    """
    return {k: v for k, v in environ.items() if k in _KEPT or not k.startswith(_OURS)}


def standard(run_id: str, spec: RunSpec, run_dir: str, node_context: Mapping[str, Any]) -> Dict[str, str]:
    """Return the variables for every process of the run, in addition to the inherited ones.

    Args:
        run_id: id of the run.
        spec: the request.
        run_dir: the run directory.
        node_context: the part of ``spec.json`` that describes this node.
    """
    given = {str(k): str(v) for k, v in node_context.get("environment_variables", {}).items()}
    code = os.path.join(run_dir, layout.CODE)
    logs = os.path.join(run_dir, "azureml-logs")
    return {
        "TRAINSHED_RUN_DIR": run_dir,
        "TRAINSHED_RUN_ID": run_id,
        "TRAINSHED_LAUNCHER": spec.launcher,
        "AZUREML_RUN_ID": run_id,
        "AZUREML_ROOT_RUN_ID": run_id,
        "AZUREML_DATA_CONTAINER_ID": f"dcid.{run_id}",
        "AZUREML_EXPERIMENT_ID": spec.experiment,
        "AZUREML_ARM_PROJECT_NAME": spec.experiment,
        "AZUREML_TARGET_TYPE": "local" if spec.target == "local" else "cluster",
        "AZUREML_FRAMEWORK": spec.framework,
        "AZUREML_COMMUNICATOR": spec.communicator,
        "AZUREML_NODE_COUNT": str(spec.node_count),
        "AZUREML_OUTPUT_DIRECTORY": "./outputs",
        "AZUREML_LOGDIRECTORY_PATH": "azureml-logs/",
        "AZUREML_DRIVERLOG_PATH": layout.DRIVER_LOG,
        "AZUREML_CR_EXECUTION_WORKING_DIR_PATH": code,
        "AZUREML_SCRIPT_DIRECTORY_NAME": os.path.basename(code),
        "AZUREML_CURRENT_CLOUD": "local",
        # Scripts check whether these are set; their values are never displayed.
        **dict.fromkeys(("AZUREML_RUN_TOKEN", "AZUREML_RUN_TOKEN_RAND", "AZUREML_RUN_TOKEN_PASS"), "none"),
        "AZUREML_RUN_TOKEN_EXPIRY": "4102444800",
        "AZ_BATCHAI_CLUSTER_NAME": spec.target,
        "AZ_BATCHAI_TASK_TYPE": "worker",
        "AZ_BATCHAI_TASK_INDEX": "0",
        "AZ_BATCHAI_JOB_WORK_DIR": code,
        "AZ_BATCHAI_JOB_TEMP": run_dir,
        "AZ_BATCHAI_STDOUTERR_DIR": logs,
        "AZ_BATCH_NODE_ID": "node-0",
        "AZ_BATCH_IS_CURRENT_NODE_MASTER": "true",
        "EXAMPLE_ENV_VAR": "EXAMPLE_VALUE",
        # Output is visible at once, and is on disk if the script is killed.
        "PYTHONUNBUFFERED": "1",
        **given,
    }


def python_path(runtime: str, spec: RunSpec) -> str:
    """Return the folders to prepend to the script's PYTHONPATH.

    Args:
        runtime: the runtime tree.
        spec: the request; ``TRAINSHED_LEGACY`` among its variables, and Open MPI, need a hook in the script.
    """
    hooked = spec.environment_variables.get("TRAINSHED_LEGACY", "") not in ("", "0") or spec.launcher == "openmpi"
    return f"{os.path.join(runtime, 'hooks')}{os.pathsep}{runtime}" if hooked else runtime


def expand(arguments: Sequence[str], variables: Mapping[str, str]) -> Tuple[str, ...]:
    """Replace ``$AZUREML_…`` and ``$AZ_BATCH…`` in arguments; everything else stays byte for byte.

    Args:
        arguments: the script's arguments.
        variables: the script's environment variables; unknown names are not replaced.

    Example:
        >>> expand(["$AZUREML_RUN_ID", "$HOME"], {"AZUREML_RUN_ID": "r1"})
        ('r1', '$HOME')
    """
    if not any("$" in argument for argument in arguments):
        return tuple(arguments)
    import re  # the start of most scripts need not wait for it

    def value(match: re.Match[str]) -> str:
        return variables.get(match.group(2), match.group(0))

    return tuple(re.sub(_REFERENCE, value, argument) for argument in arguments)
