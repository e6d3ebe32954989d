"""The content of a run's ``spec.json``: the request, and what its node must know about the workspace."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from trainshed.service.workspace_registry import WorkspaceRegistry
from trainshed.system import process


def describe(registry: WorkspaceRegistry, record: dict[str, Any], root: str, here: bool) -> dict[str, Any]:
    """Return the content of a run's ``spec.json``, except for what its machine adds.

    Args:
        registry: the workspace's registry.
        record: the run's record, with its spec.
        root: the record of the run itself, or of the topmost of its parents.
        here: whether it runs on the service's own machine.
    """
    spec, facts = dict(record["spec"]), registry.facts()
    if spec.get("grace_seconds") is None:
        spec["grace_seconds"] = registry.grace_seconds(spec["target"])
    group, subscription = (facts.get(key) or "local" for key in ("resource_group", "subscription_id"))
    scope = (
        f"/subscriptions/{subscription}/resourceGroups/{group}"
        f"/providers/Microsoft.MachineLearningServices/workspaces/{registry.name}"
    )
    variables = {
        "AZUREML_ARM_SUBSCRIPTION": subscription,
        "AZUREML_ARM_RESOURCEGROUP": group,
        "AZUREML_ARM_WORKSPACE_NAME": registry.name,
        "AZUREML_WORKSPACE_ID": registry.name,
        "AZUREML_WORKSPACE_SCOPE": scope,
        "AZUREML_EXPERIMENT_SCOPE": f"{scope}/experiments/{spec['experiment']}",
        "AZUREML_ROOT_RUN_ID": root,
        "TRAINSHED_RUN_NUMBER": str(record["number"]),
        "TRAINSHED_TAGS": json.dumps(spec["tags"]),
        "TRAINSHED_PROPERTIES": json.dumps(spec["properties"]),
    }
    if here:
        # With it, a script's own client finds the service, and starts it again if it has exited.
        variables["TRAINSHED_WORKSPACE"] = str(registry.root)
        variables["TRAINSHED_SERVICE_BOOT"] = process.boot_id()  # nodes of clusters are other machines
        variables["TRAINSHED_SERVICE_PYTHON"] = sys.executable
        variables["TRAINSHED_SERVICE_PATH"] = str(Path(__file__).parents[2])
    return {
        "version": 1,
        "run_id": record["id"],
        "attempt": 1,
        "spec": spec,
        "node_context": {
            "datastores": {store["name"]: store for store in registry.datastores()} if here else {},
            "environment_variables": variables,
        },
    }
