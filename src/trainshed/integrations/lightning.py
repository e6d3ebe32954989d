"""Records what PyTorch Lightning reports."""

from __future__ import annotations

import sys
from typing import Any

from trainshed import Run

if "pytorch_lightning" in sys.modules and "lightning.pytorch" not in sys.modules:
    from pytorch_lightning.loggers import Logger  # the same code under its older name; they do not mix
    from pytorch_lightning.utilities import rank_zero_only
else:
    from lightning.pytorch.loggers import Logger
    from lightning.pytorch.utilities import rank_zero_only


class RunLogger(Logger):  # type: ignore[misc]  # Lightning is not installed where types are checked
    """A Lightning logger that logs metrics with their steps, and hyperparameters, to the run.

    Checkpoints are saved below ``outputs/``, where they belong to the run. In distributed training, the first process
    logs. Import ``lightning`` or ``pytorch_lightning`` before this module.

    Args:
        run: the run to log to. Default: the current run; outside of a run, the metrics are printed.

    Example:
        >>> trainer = Trainer(max_epochs=3, logger=RunLogger())  # doctest: +SKIP
    """

    def __init__(self, run: Any = None) -> None:
        super().__init__()
        self._run = Run.get_context() if run is None else run

    @property
    def name(self) -> str:
        """Name of the run's experiment."""
        return str(self._run.experiment.name)

    @property
    def version(self) -> str:
        """Id of the run."""
        return str(self._run.id)

    @property
    def save_dir(self) -> str:
        """Folder of files of the run."""
        return "outputs"

    @property
    def experiment(self) -> Any:
        """The run."""
        return self._run

    @rank_zero_only  # type: ignore[untyped-decorator]
    def log_metrics(self, metrics: dict[str, Any], step: int | None = None) -> None:
        """Log metrics with their step."""
        for name, value in metrics.items():
            self._run.log(name, value, step=step)

    @rank_zero_only  # type: ignore[untyped-decorator]
    def log_hyperparams(self, params: Any, *_: Any, **__: Any) -> None:
        """Keep hyperparameters, where the first value of each counts."""
        there = self._run.get_properties()
        values = params if isinstance(params, dict) else vars(params)
        named = {f"mlflow.param.{name}": value for name, value in _flat(values).items()}
        self._run.add_properties({name: str(value) for name, value in named.items() if name not in there})


def _flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested dicts as one, with slashes in the names."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        found.update(_flat(value, f"{prefix}{name}/") if isinstance(value, dict) else {f"{prefix}{name}": value})
    return found
