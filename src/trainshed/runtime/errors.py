"""How errors reach a script: methods that record only warn, methods that read raise."""

import sys

from trainshed.errors import RunEnvironmentException, UserErrorException

TYPE_CHECKING = False  # type checkers treat it like typing.TYPE_CHECKING, and the import is saved
if TYPE_CHECKING:
    from typing import Any, Callable, TypeVar

    Call = TypeVar("Call", bound=Callable[..., Any])

_MOST_SAID = 1000
_said: "set[str]" = set()


__all__ = ["RunEnvironmentException", "UserErrorException", "never_raises", "warn"]


def never_raises(call: "Call") -> "Call":
    """Turn any error of a method that records into a warning, so that it cannot end hours of training.

    If the object's ``strict`` is true, the error is raised.

    Args:
        call: a method of a run.
    """

    def guarded(run: "Any", *args: object, **named: object) -> object:
        try:
            return call(run, *args, **named)
        except (
            Exception
        ) as error:  # any exception: the script's own objects are called for their text, number or length
            if run.strict:
                raise
            warn(f"run.{call.__name__}: {_text(error)} Nothing was recorded; training continues.")
            return None

    guarded.__name__, guarded.__qualname__, guarded.__doc__ = call.__name__, call.__qualname__, call.__doc__
    guarded.__wrapped__ = call  # type: ignore[attr-defined] # for help() and inspect.signature
    return guarded  # type: ignore[return-value]


def _text(error: Exception) -> str:
    try:
        text = str(error) if isinstance(error, UserErrorException) else f"{type(error).__name__}: {error}"
    except Exception:  # noqa: BLE001 - the script's own class of errors
        text = type(error).__name__
    return text if text.endswith(".") else text + "."


def warn(sentence: str) -> None:
    """Print a warning on standard error, if there is one, but only once per text, because loops would repeat it.

    Args:
        sentence: the warning.
    """
    if sentence in _said or len(_said) >= _MOST_SAID:
        return
    _said.add(sentence)
    try:
        sys.stderr.write(f"trainshed: {sentence}\n")
    except Exception:  # noqa: BLE001 - closed, broken, None or the script's own: training continues
        return
