"""Records what Keras reports, with any backend, and in TensorFlow."""

from __future__ import annotations

from typing import Any

from trainshed import Run

try:
    from keras.callbacks import Callback
except ImportError:
    from tensorflow.keras.callbacks import Callback  # before TensorFlow 2.6 there was no other


class RunCallback(Callback):  # type: ignore[misc]  # Keras is not installed where types are checked
    """A Keras callback that logs the metrics of each epoch to the run, with the epoch as their step.

    Args:
        run: the run to log to. Default: the current run; outside of a run, the metrics are printed.
        batches: also log the metrics of every so many batches, as ``batch/loss`` and so on; 0 logs none.

    Example:
        >>> model.fit(x, y, epochs=10, callbacks=[RunCallback()])  # doctest: +SKIP
    """

    def __init__(self, run: Any = None, batches: int = 0) -> None:
        super().__init__()
        self._run = Run.get_context() if run is None else run
        self._batches = batches
        self._seen = 0

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Log the metrics of an epoch."""
        for name, value in (logs or {}).items():
            self._run.log(name, value, step=epoch)

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:  # noqa: ARG002 - Keras's
        """Log the metrics of a batch, if asked to."""
        self._seen += 1
        if self._batches and self._seen % self._batches == 0:
            for name, value in (logs or {}).items():
                self._run.log(f"batch/{name}", value, step=self._seen)
