"""Trainshed as a training script sees it: the current run."""

__version__ = "0.1.0"
__all__ = ["Run"]  # noqa: F822 - made on first use


def __getattr__(name: str) -> object:
    if name == "Run":
        from trainshed.runtime.run import Run

        return Run
    raise AttributeError(
        f"'trainshed.{name}' is for the program that submits runs; a script that runs has trainshed.Run."
    )
