"""Find a cluster or make one, and train on it with an estimator.

In the manner of v1's "train on remote compute" tutorials; written from scratch.
"""

import sys

from azureml.core import Experiment, Run, ScriptRunConfig, Workspace
from azureml.core.compute import (
    AksCompute,
    AmlCompute,
    BatchAiCompute,
    BatchCompute,
    ComputeInstance,
    ComputeTarget,
    DsvmCompute,
    KubernetesCompute,
    RemoteCompute,
)
from azureml.core.compute_target import ComputeTargetException
from azureml.exceptions import AzureMLException, UserErrorException
from azureml.train.estimator import Estimator

ws = Workspace.from_config()
experiment = Experiment(ws, "train-on-amlcompute")

# The lookup that every notebook of v1 begins with.
cpu_cluster_name = "cpu-cluster"
try:
    cpu_cluster = ComputeTarget(workspace=ws, name=cpu_cluster_name)
    raise AssertionError("there is a cluster in a new workspace")
except ComputeTargetException as error:
    assert "ComputeTargetNotFound" in str(error)
    print("Creating a new compute target...")
    compute_config = AmlCompute.provisioning_configuration(
        vm_size="STANDARD_D2_V2",
        vm_priority="lowpriority",
        min_nodes=0,
        max_nodes=2,
        idle_seconds_before_scaledown=120,
        tags={"project": "acceptance"},
        description="two nodes",
    )
    cpu_cluster = ComputeTarget.create(ws, cpu_cluster_name, compute_config)
    cpu_cluster.wait_for_completion(show_output=True, min_node_count=None, timeout_in_minutes=20)

# The next time it is found.
cpu_cluster = ComputeTarget(workspace=ws, name=cpu_cluster_name)
assert isinstance(cpu_cluster, AmlCompute)
assert (cpu_cluster.name, cpu_cluster.type) == (cpu_cluster_name, "AmlCompute")
assert cpu_cluster.vm_size == "STANDARD_D2_V2"
assert cpu_cluster.provisioning_state == "Succeeded"
assert cpu_cluster.tags == {"project": "acceptance"}
assert "AmlCompute(" in repr(cpu_cluster)
assert "cpu-cluster" in ws.compute_targets
assert [target.name for target in ComputeTarget.list(ws) if target.type == "AmlCompute"] == [cpu_cluster_name]
assert [ws.compute_targets()[name].name for name in ws.compute_targets() if name == cpu_cluster_name]

# Its state.
status = cpu_cluster.get_status().serialize()
assert status["scaleSettings"]["maxNodeCount"] == 2
assert status["vmSize"] == "STANDARD_D2_V2"
assert status["vmPriority"].lower() == "lowpriority"
assert set(status["nodeStateCounts"]) >= {"preparingNodeCount", "runningNodeCount", "idleNodeCount"} or set(
    status["nodeStateCounts"]
) >= {"preparing", "running", "idle"}
assert isinstance(cpu_cluster.list_nodes(), list)
assert {"name", "vCPUs"} <= set(AmlCompute.supported_vmsizes(workspace=ws)[0])
assert isinstance(AmlCompute.list_usages(ws), list)
assert isinstance(AmlCompute.list_quotas(ws), list)
again = ComputeTarget.deserialize(ws, cpu_cluster.serialize())
assert again.name == cpu_cluster.name
cpu_cluster.get()
cpu_cluster.refresh_state()

# Train on it: by the object, and by its name.
est = Estimator(
    source_directory="./src",
    script_params={"--steps": 3, "--verbose": "", "--rates": [0.1, 0.2]},
    compute_target=cpu_cluster,
    entry_script="train.py",
    environment_variables={"WHO": "an estimator"},
    user_managed=True,
)
est.run_config.environment.python.interpreter_path = sys.executable
assert est.run_config.target == cpu_cluster_name
assert est.run_config.arguments == ["--steps", 3, "--verbose", "--rates", 0.1, 0.2]
run = experiment.submit(est)
run.wait_for_completion(show_output=True)
assert run.get_details()["target"] == cpu_cluster_name
metrics = run.get_metrics()
assert metrics["step"] == [0, 1, 2]
assert metrics["rates"] == "0.1 0.2"
assert metrics["who"] == "an estimator"
assert metrics["verbose"] is True

src = ScriptRunConfig("./src", "train.py", ["--steps", "1"], compute_target=cpu_cluster_name)
src.run_config.environment.python.user_managed_dependencies = True
src.run_config.environment.python.interpreter_path = sys.executable
by_name = experiment.submit(src)
by_name.wait_for_completion()
assert {each.id for each in Run.list_by_compute(cpu_cluster)} == {run.id, by_name.id}

# No more runs at once than it has nodes: of three that hold their node the third waits.
src.arguments = ["--for-ever"]
held = [experiment.submit(src, tags={"held": number}) for number in range(3)]
active = {each.id for each in cpu_cluster.get_active_runs()}
assert {each.id for each in held} <= active
held[0].cancel()
held[1].cancel()
held[2].cancel()
assert {each.wait_for_completion(raise_on_error=False)["status"] for each in held} == {"Canceled"}

# Larger, and what it cannot be.
cpu_cluster.update(min_nodes=1, max_nodes=4, idle_seconds_before_scaledown=600)
assert cpu_cluster.get_status().serialize()["scaleSettings"]["maxNodeCount"] == 4
for wrong in (
    lambda: AmlCompute.provisioning_configuration(vm_size="STANDARD_D2_V2"),
    cpu_cluster.detach,
    lambda: cpu_cluster.add_identity("SystemAssigned"),
    cpu_cluster.remove_identity,
    lambda: AmlCompute.update_quotas(ws, "a-family", 4),
    lambda: RemoteCompute.attach_configuration(username="me"),
):
    try:
        wrong()
    except ComputeTargetException as error:
        print("As expected:", error.message)
    else:
        raise AssertionError("this cannot be")
for reserved in ("amlcompute", "local", "containerinstance"):
    try:
        ComputeTarget.create(ws, reserved, compute_config)
    except UserErrorException as error:
        print("As expected:", error.message)
    else:
        raise AssertionError(f"a cluster was named {reserved}")

# The cluster of 2018.
batch_ai = ComputeTarget.create(
    ws, "batch-ai", BatchAiCompute.provisioning_configuration(vm_size="STANDARD_NC6", cluster_max_nodes=1)
)
batch_ai.wait_for_completion(show_output=True, min_node_count=None, timeout_in_minutes=20)
assert batch_ai.type == "BatchAI"
assert isinstance(batch_ai.get_status().serialize(), dict)
assert batch_ai.name in ws.compute_targets()
batch_ai.delete()

# The machine of 2018, and that of later tutorials.
try:
    dsvm = DsvmCompute(workspace=ws, name="mydsvm")
except ComputeTargetException:
    dsvm_config = DsvmCompute.provisioning_configuration(vm_size="Standard_D2_v2")
    dsvm = DsvmCompute.create(ws, name="mydsvm", provisioning_configuration=dsvm_config)
    dsvm.wait_for_completion(show_output=True)
assert (dsvm.type, dsvm.vm_size, type(ws.compute_targets["mydsvm"])) == (
    "VirtualMachine",
    "Standard_D2_v2",
    DsvmCompute,
)
dsvm.delete()
instance = ComputeTarget.create(
    ws, "my-instance", ComputeInstance.provisioning_configuration(vm_size="STANDARD_D3_V2", ssh_public_access=False)
)
instance.stop(wait_for_completion=True, show_output=True)
assert (instance.type, instance.get_status().state) == ("ComputeInstance", "Running")
instance.delete()

aks_name = "aks-service"
if aks_name not in ws.compute_targets:
    purpose = AksCompute.ClusterPurpose.DEV_TEST
    aks_target = ComputeTarget.create(
        ws,
        aks_name,
        AksCompute.provisioning_configuration(agent_count=1, vm_size="Standard_D3_v2", cluster_purpose=purpose),
    )
    aks_target.wait_for_completion(show_output=True)
assert type(ws.compute_targets[aks_name]) is AksCompute
assert (aks_target.provisioning_state, aks_target.provisioning_errors) == ("Succeeded", None)
aks_target.delete()

# What is elsewhere comes later, or needs v1's cloud: one sentence says so.
for attach in (
    lambda: ComputeTarget.attach(
        ws, "vm", attach_config=RemoteCompute.attach_configuration(username="me", address="127.0.0.1", ssh_port=1)
    ),
    lambda: RemoteCompute.attach_configuration(username="me", address="192.0.2.1", password="secret"),
    lambda: ComputeTarget.attach(ws, "k8s", KubernetesCompute.attach_configuration(resource_id="a", namespace="b")),
    lambda: BatchCompute.attach(ws, "batch", BatchCompute.attach_configuration("group", "account")),
):
    try:
        attach()
    except AzureMLException as error:
        print("As expected:", error)
    else:
        raise AssertionError("a target was attached that cannot be reached")

cpu_cluster.delete()
assert cpu_cluster_name not in ws.compute_targets
try:
    ComputeTarget(ws, cpu_cluster_name)
except ComputeTargetException as error:
    assert "ComputeTargetNotFound" in str(error)
else:
    raise AssertionError("a deleted cluster was found")

print("cluster: all cells ran")
