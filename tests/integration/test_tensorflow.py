"""TensorFlow itself, on two nodes of this machine: workers that average gradients, and a parameter server."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from trainshed import (
    AmlCompute,
    ComputeTarget,
    Environment,
    Experiment,
    TensorFlow,
    TensorflowConfiguration,
    Workspace,
)
from trainshed.system import process

PACKAGE = "tensorflow-cpu==2.20.*" if sys.platform == "linux" else "tensorflow==2.20.*"
MIRRORED = """
import numpy as np
import tensorflow as tf
from azureml.core import Run

strategy = tf.distribute.MultiWorkerMirroredStrategy()
x = np.random.RandomState(0).rand(64, 4).astype("float32")
data = tf.data.Dataset.from_tensor_slices((x, x.sum(axis=1, keepdims=True))).batch(16)
options = tf.data.Options()
options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
data = strategy.experimental_distribute_dataset(data.with_options(options))
with strategy.scope():
    weights = tf.Variable(tf.zeros([4, 1]))

def each(batch):
    x, y = batch
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((x @ weights - y) ** 2)
    context = tf.distribute.get_replica_context()
    weights.assign_sub(0.3 * context.all_reduce(tf.distribute.ReduceOp.MEAN, tape.gradient(loss, weights)))
    return loss

@tf.function
def step(batch):
    return strategy.reduce(tf.distribute.ReduceOp.MEAN, strategy.run(each, args=(batch,)), axis=None)

for _ in range(30):
    for batch in data:
        loss = step(batch)
run = Run.get_context()
run.log("replicas", strategy.num_replicas_in_sync)
run.log("loss", float(loss))
"""
SERVED = """
import json, os, time
import tensorflow as tf
from azureml.core import Run

config = json.loads(os.environ["TF_CONFIG"])
task = config["task"]
server = tf.distribute.Server(tf.train.ClusterSpec(config["cluster"]), task["type"], task["index"])
if task["type"] == "ps":
    server.join()
v1 = tf.compat.v1
v1.disable_eager_execution()
with tf.device("/job:ps/task:0"):
    done = v1.get_variable("done", [], initializer=v1.zeros_initializer())
add = v1.assign_add(done, 1.0)
with v1.Session(server.target) as session:
    if task["index"] == 0:
        session.run(v1.global_variables_initializer())
    while session.run(v1.report_uninitialized_variables()).size:
        time.sleep(0.05)
    session.run(add)
    while session.run(done) < 2:
        time.sleep(0.05)
Run.get_context().log("done", 2)
"""


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="no TensorFlow 2.20 for this Python")
def test_tensorflow_trains_over_two_nodes(workspace: Workspace, tmp_path: Path) -> None:
    cluster = ComputeTarget.create(workspace, "nodes", AmlCompute.provisioning_configuration(max_nodes=2))
    # The estimator's own list of packages is v1's, and long.
    environment = Environment("tensorflow")
    environment.python.conda_dependencies.add_pip_package(PACKAGE)
    environment.environment_variables["TF_CPP_MIN_LOG_LEVEL"] = "2"

    def trained(code: str, servers: int) -> dict[str, Any]:
        project = tmp_path / f"servers_{servers}"
        project.mkdir()
        (project / "train.py").write_text(code)
        est = TensorFlow(
            str(project),
            entry_script="train.py",
            compute_target=cluster,
            node_count=2,
            distributed_training=TensorflowConfiguration(worker_count=2, parameter_server_count=servers),
            environment_definition=environment,
        )
        run = Experiment(workspace, "tensorflow").submit(est)
        run.wait_for_completion()
        assert not process.family(None, f"TRAINSHED_RUN_ID={run.id}")
        metrics: dict[str, Any] = run.get_metrics()
        return metrics

    mirrored = trained(MIRRORED, servers=0)
    assert mirrored["replicas"] == [2, 2]
    assert max(mirrored["loss"]) < 1e-6
    assert trained(SERVED, servers=1) == {"done": [2, 2]}  # one of each worker
