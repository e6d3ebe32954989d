"""Every exception Trainshed raises, in one place.

The tree, split by who can mend it::

    TrainshedError
    ├── you ─ the request is wrong; trying it again unchanged will not help
    │   ├── UserErrorException
    │   │   ├── AuthenticationException
    │   │   └── NotFoundException         (UnknownNameException is a KeyError as well)
    │   ├── TrainingException             an Estimator that contradicts itself
    │   │   └── HyperDriveConfigException, HyperDriveScenarioNotSupportedException, HyperDriveNotImplementedException
    │   ├── RunConfigurationException     a run configuration that does
    │   ├── RunEnvironmentException       asked for a run outside of one
    │   ├── SnapshotException             the source folder cannot be sent
    │   ├── ComputeTargetException        no such target, or not usable
    │   ├── WorkspaceException            no such workspace, or not usable
    │   ├── ExperimentExecutionException  a submit or a wait that could not go on
    │   ├── WebserviceException           a model that is not there, or cannot be used
    │   │   ├── ModelNotFoundException
    │   │   └── ModelPathNotFoundException
    │   ├── EnvironmentBuildException     the packages asked for cannot be installed
    │   └── ActivityFailedException       the run itself failed (its log tail is in it)
    ├── the world ─ maybe later
    │   └── ServiceException              the service cannot be reached or refused
    │       └── MachineUnreachableException  a machine does not answer; nothing is known of its runs
    └── us ─ a bug
        └── InternalException

Names are those of Azure ML's SDK v1 where it had one, so that code which catches them still does.
The message always says what was wrong, where, and what to do next.
"""

from __future__ import annotations

TYPE_CHECKING = False  # as good as typing's to checkers, and it spares every training script that import
if TYPE_CHECKING:
    from typing import Any, Dict, Iterable, Optional


class TrainshedError(Exception):
    """Root of everything Trainshed raises.

    Args:
        message: one or two sentences for the user: what was wrong, where, what to do next.
        details: machine-readable facts (JSON types only) that travel with it over HTTP.

    Example:
        >>> str(TrainshedError("No such run."))
        'No such run.'
    """

    status = 400
    """HTTP status with which the service answers when this is raised inside it."""

    def __init__(self, message: str = "", details: Optional[Dict[str, Any]] = None, **_: Any) -> None:
        self.message = message or (self.__doc__ or "").strip().split("\n")[0]
        self.details: Dict[str, Any] = dict(details or {})
        super().__init__(self.message)


class UserErrorException(TrainshedError):
    """The request is wrong."""


class AuthenticationException(UserErrorException):
    """The token is missing or wrong."""

    status = 401


class NotFoundException(UserErrorException):
    """What was named does not exist."""

    status = 404


class UnknownNameException(NotFoundException, KeyError):
    """A name that is not in a dict of the workspace's; for code that expects a dict it is a ``KeyError``."""

    def __str__(self) -> str:
        return self.message  # a KeyError shows the repr


class TrainingException(TrainshedError):
    """The estimator's settings contradict each other."""


class HyperDriveConfigException(TrainingException):
    """The settings of a sweep are wrong or contradict each other."""


class HyperDriveScenarioNotSupportedException(TrainingException):
    """A sweep over something that cannot be swept here."""


class HyperDriveNotImplementedException(TrainingException):
    """Something that v1 named for sweeps and never had."""


class RunConfigurationException(TrainshedError):
    """The run configuration is wrong."""


class RunEnvironmentException(TrainshedError):
    """There is no current run here: the script was not started by Trainshed."""


class SnapshotException(TrainshedError):
    """The source folder cannot be sent."""


class ComputeTargetException(TrainshedError):
    """The compute target does not exist or cannot be used."""


class WorkspaceException(TrainshedError):
    """The workspace does not exist or cannot be used."""


class ExperimentExecutionException(TrainshedError):
    """Submitting or watching a run could not go on."""


class WebserviceException(TrainshedError):
    """A model, or what serves it, is not there or cannot be used."""


class ModelNotFoundException(WebserviceException):
    """There is no such model."""

    status = 404


class ModelPathNotFoundException(WebserviceException):
    """A model's file is not there."""

    status = 404


class EnvironmentBuildException(TrainshedError):
    """The packages asked for cannot be installed."""


class ActivityFailedException(TrainshedError):
    """The run failed.

    Args:
        message: what failed and the last lines of the run's log.
        error_details: the run's error as ``run.get_details()['error']`` has it.
    """

    def __init__(
        self,
        message: str = "",
        details: Optional[Dict[str, Any]] = None,
        error_details: Any = None,
        **_: Any,
    ) -> None:
        super().__init__(message, details)
        self.error_details = error_details


class ServiceException(TrainshedError):
    """The service cannot be reached, or could not do what was asked of it."""

    status = 503


class MachineUnreachableException(ServiceException):
    """A machine does not answer, so nothing is known of its runs."""


class InternalException(TrainshedError):
    """Trainshed itself made a mistake; please report it."""

    status = 500


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return ``" Did you mean 'x'?"`` for the nearest known name, or an empty string.

    Args:
        name: what the user wrote.
        known: the names that exist.

    Example:
        >>> did_you_mean("entry_scrpt", ["entry_script", "node_count"])
        " Did you mean 'entry_script'?"
    """
    import difflib  # only on the way to an error

    near = difflib.get_close_matches(name, list(known), n=1)
    return f" Did you mean '{near[0]}'?" if near else ""


def named(kind: str) -> type[TrainshedError]:
    """Return the exception class called ``kind`` (as the service names it), or the root class.

    Args:
        kind: a class name of this module.
    """
    found = globals().get(kind)
    if isinstance(found, type) and issubclass(found, TrainshedError):
        return found
    return TrainshedError
