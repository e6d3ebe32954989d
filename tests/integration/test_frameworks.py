"""What training frameworks report lands in the run: the real ones, in one script."""

from __future__ import annotations

from pathlib import Path

from trainshed import Experiment, ScriptRunConfig, Workspace

_SCRIPT = """
import os
os.environ["KERAS_BACKEND"] = "torch"
import torch

x = torch.arange(8.0).reshape(8, 1)
y = 2 * x

# Hugging Face's own callback.
from transformers import Trainer, TrainingArguments

class Line(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)

    def forward(self, x, labels):
        found = self.layer(x)
        return {"loss": ((found - labels) ** 2).mean(), "logits": found}

given = TrainingArguments(
    "outputs/hf", max_steps=3, logging_steps=1, report_to="azure_ml", use_cpu=True, save_strategy="no", disable_tqdm=True
)
Trainer(Line(), given, train_dataset=[{"x": a, "labels": b} for a, b in zip(x, y)]).train()

# Lightning with our logger and with MLflow's.
import lightning
from lightning.pytorch.loggers import MLFlowLogger
from trainshed.integrations.lightning import RunLogger

class Module(lightning.LightningModule):
    def __init__(self, width, optimizer):
        super().__init__()
        self.save_hyperparameters()
        self.line = Line()

    def training_step(self, batch, index):
        loss = self.line(*batch)["loss"]
        self.log("train/loss", loss, on_step=True)
        return loss

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=1e-3)

rows = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x, y), batch_size=4)
by_mlflow = MLFlowLogger(run_id=os.environ["MLFLOW_RUN_ID"], tracking_uri=os.environ["MLFLOW_TRACKING_URI"], prefix="mlf")
lightning.Trainer(
    max_epochs=2, logger=[RunLogger(), by_mlflow], log_every_n_steps=1, accelerator="cpu", enable_progress_bar=False
).fit(Module(3, {"name": "sgd", "lr": 0.001}), rows)

# Keras with our callback.
import keras
from trainshed.integrations.keras import RunCallback

model = keras.Sequential([keras.layers.Dense(1)])
model.compile(loss="mse", metrics=["mae"])
model.fit(x.numpy(), y.numpy(), epochs=2, batch_size=4, verbose=0, callbacks=[RunCallback(batches=2)])
"""


def test_frameworks_report_to_the_run(workspace: Workspace, project: Path) -> None:
    (project / "train.py").write_text(_SCRIPT)
    config = ScriptRunConfig(str(project), script="train.py")
    packages = ("torch==2.13.0", "numpy", "transformers", "accelerate", "lightning", "keras", "mlflow-skinny==3.17.2")
    for package in packages:
        config.run_config.environment.python.conda_dependencies.add_pip_package(package)
    run = Experiment(workspace, "frameworks").submit(config)
    run.wait_for_completion()
    metrics = run.get_metrics()
    assert len(metrics["learning_rate"]) == 3  # Hugging Face's
    steps = {
        name: [step for step, _, _ in run.series(name)]
        for name in ("train/loss", "mlf-train/loss", "loss", "mae", "batch/loss")
    }
    assert steps == {
        "train/loss": [0, 1, 2, 3],
        "mlf-train/loss": [0, 1, 2, 3],
        "loss": [None, None, None, 0, 1],  # Hugging Face says no steps; then come Keras's
        "mae": [0, 1],
        "batch/loss": [2, 4],
    }
    assert {"mlflow.param.width": "3", "mlflow.param.optimizer/lr": "0.001"}.items() <= run.get_properties().items()
    assert any(name.endswith(".ckpt") for name in run.get_file_names())
    assert list(run.get_children()) == []
