"""Workspaces: made, found, configured; what is in them; and what needs v1's cloud.

In the manner of v1's "configuration" notebook; written from scratch.
"""

import json
import os

import azureml.core
from azureml.core import Experiment, Keyvault, Run, Workspace, diagnostic_log
from azureml.core.authentication import (
    AzureCliAuthentication,
    InteractiveLoginAuthentication,
    MsiAuthentication,
    ServicePrincipalAuthentication,
)
from azureml.exceptions import AzureMLException, UserErrorException, WorkspaceException
from azureml.telemetry import set_diagnostics_collection

print("SDK version:", azureml.core.VERSION, azureml.core.__version__)
set_diagnostics_collection(send_diagnostics=True)

# Made once, found afterwards.
auth = InteractiveLoginAuthentication(tenant_id="a-tenant")
ws = Workspace.create(
    name="learning",
    auth=auth,
    subscription_id="a-subscription",
    resource_group="a-group",
    location="eastus2",
    create_resource_group=True,
    exist_ok=True,
)
assert (ws.name, ws.subscription_id, ws.resource_group, ws.location) == (
    "learning",
    "a-subscription",
    "a-group",
    "eastus2",
)
assert ws.sku.lower() == "basic"
assert isinstance(ws.tags, dict)
assert ws.get_details()["name"] == "learning"
assert "learning" in repr(ws)
assert Workspace.create("learning", exist_ok=True) == ws
try:
    Workspace.create("learning")
except WorkspaceException as error:
    print("As expected:", error.message)
else:
    raise AssertionError("a workspace was made twice")
assert Workspace("a-subscription", "a-group", "learning") == ws
assert Workspace.get(name="learning", subscription_id="a-subscription", resource_group="a-group") == ws
assert "learning" in Workspace.list(subscription_id="a-subscription")
try:
    Workspace("a-subscription", "a-group", "no-such-workspace")
except WorkspaceException as error:
    print("As expected:", error.message)
else:
    raise AssertionError("a workspace that is not there was found")

# Its configuration: written here, found from here and from below.
ws.write_config()
assert json.load(open(".azureml/config.json"))["workspace_name"] == "learning"
os.makedirs("deep/down")
assert Workspace.from_config() == Workspace.from_config(path="deep/down") == ws
ws.write_config(path="deep", file_name="other.json")
assert Workspace.from_config(path="deep/.azureml/other.json") == ws
os.makedirs("of2018/aml_config")
with open("of2018/aml_config/config.json", "w") as file:
    json.dump({"subscription_id": "a-subscription", "resource_group": "a-group", "workspace_name": "learning"}, file)
assert Workspace.from_config("of2018/aml_config/config.json") == ws
try:
    Workspace.from_config(path="no-such-folder")
except UserErrorException as error:
    print("As expected:", error.message)
else:
    raise AssertionError("a configuration was found in a folder that is not there")

# What is in it: dicts, which 2018 called.
experiment = Experiment(ws, "first")
with experiment.start_logging(snapshot_directory=None) as run:
    run.log("x", 1)
for name in ("compute_targets", "datastores", "experiments", "models", "images", "webservices"):
    there = getattr(ws, name)
    assert isinstance(there, dict)
    assert dict(there()) == dict(there)
assert set(ws.experiments) == {"first"}
assert experiment.workspace_object == experiment.workspace == ws
assert "workspaceblobstore" in ws.datastores
assert all(name.startswith("AzureML-") for name in ws.environments)  # none is registered
assert dict(ws.datasets) == {}
assert ws.get_run(run.id).get_metrics() == {"x": 1}
assert ws.get_mlflow_tracking_uri()
assert Workspace.DEFAULT_CPU_CLUSTER_NAME == "cpu-cluster"
assert Workspace.DEFAULT_GPU_CLUSTER_NAME == "gpu-cluster"
try:
    ws.get_default_compute_target("TPU")
except ValueError as error:
    print("As expected:", error)
else:
    raise AssertionError("there is no such kind of compute target")

# Secrets.
vault = ws.get_default_keyvault()
assert isinstance(vault, Keyvault)
vault.set_secret(name="password", value="hunter2")
vault.set_secrets({"user": "me", "token": "abc"})
assert vault.get_secret("password") == "hunter2"
assert vault.get_secrets(["user", "token"]) == {"user": "me", "token": "abc"}
listed = [each["name"] if isinstance(each, dict) else each for each in vault.list_secrets()]
assert sorted(listed) == ["password", "token", "user"]
assert "hunter2" not in repr(vault)
vault.delete_secret("token")
vault.delete_secrets(["user"])
assert len(vault.list_secrets()) == 1
by_hand = experiment.start_logging(snapshot_directory=None)
assert by_hand.get_secret(name="password") == "hunter2"
assert by_hand.get_secrets(["password"]) == {"password": "hunter2"}
assert by_hand.get_secret("no-such-secret") is None
by_hand.complete()

# A log of what the client does.
with diagnostic_log("diagnostics.txt"):
    Run.get(ws, run.id).get_status()

# Signing in: accepted, and not needed.
for signed in (
    AzureCliAuthentication(),
    MsiAuthentication(),
    ServicePrincipalAuthentication("a-tenant", "a-principal", "a-password"),
):
    assert "a-password" not in repr(signed)
    Workspace.get("learning", auth=signed)

assert ws.update(friendly_name="Learning", tags={"team": "b"})["friendlyName"] == "Learning"
assert Workspace.get("learning").tags == {"team": "b"}

# What needs v1's cloud says in one sentence what to use instead.
for call in (
    ws.list_keys,
    ws.sync_keys,
    ws.list_connections,
    lambda: ws.add_private_endpoint(None),
    lambda: ws.diagnose_workspace({}),
    ws.update_dependencies,
    lambda: ws.linked_services,
    lambda: ws.private_endpoints,
    lambda: ws.delete_private_endpoint_connection("a-connection"),
    lambda: ws.set_connection("git", "Git", "https://example.org", "PAT", "a-token"),
    lambda: ws.get_connection("git"),
    lambda: ws.delete_connection("git"),
    lambda: Experiment.from_directory("."),
):
    try:
        call()
    except AzureMLException as error:
        print("As expected:", error)
    else:
        raise AssertionError("v1's cloud answered")

ws.delete()
assert "learning" not in Workspace.list("a-subscription")

print("workspaces: all cells ran")
