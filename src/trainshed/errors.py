"""Every exception Trainshed raises, in one place.

The tree, grouped by who can fix it::

    TrainshedError
    ├── you ─ the request is wrong; trying it again unchanged will not help
    │   ├── UserErrorException
    │   │   ├── AuthenticationException
    │   │   └── NotFoundException         (UnknownNameException is a KeyError as well)
    │   ├── TrainingException             contradictory settings of an Estimator
    │   │   └── HyperDriveConfigException, HyperDriveScenarioNotSupportedException, HyperDriveNotImplementedException
    │   ├── RunConfigurationException     contradictory settings of a run configuration
    │   ├── RunEnvironmentException       there is no current run outside a run
    │   ├── SnapshotException             the source folder cannot be sent
    │   ├── ComputeTargetException        no such target, or not usable
    │   ├── WorkspaceException            no such workspace, or not usable
    │   ├── ExperimentExecutionException  a submit or a wait could not continue
    │   ├── WebserviceException           a model does not exist or cannot be used
    │   │   ├── ModelNotFoundException
    │   │   └── ModelPathNotFoundException
    │   ├── EnvironmentBuildException     the requested packages cannot be installed
    │   └── ActivityFailedException       the run itself failed (the message includes the end of its log)
    ├── the surroundings ─ may work later
    │   └── ServiceException              the service cannot be reached or failed
    │       └── MachineUnreachableException  a machine does not answer; the state of its runs is unknown
    │           └── MachineAccessException   and that will last until somebody changes something
    └── us ─ a bug
        └── InternalException

Names are those of Azure ML's SDK v1 where it had one, so code that catches them still works.
The message always says what was wrong, where, and what to do next.
"""

TYPE_CHECKING = False  # type checkers treat it like typing.TYPE_CHECKING, and every training script saves the import
if TYPE_CHECKING:
    from typing import Any, Iterable


class TrainshedError(Exception):
    """Root of everything Trainshed raises.

    Args:
        message: one or two sentences for the user: what was wrong, where, what to do next.
        details: machine-readable facts (only JSON types), sent with it over HTTP.

    Example:
        >>> str(TrainshedError("No such run."))
        'No such run.'
    """

    status = 400
    """HTTP status of the response if this is raised inside the service."""

    def __init__(self, message: str = "", details: "dict[str, Any] | None" = None, **_: "Any") -> None:
        self.message = message or (self.__doc__ or "").strip().split("\n")[0]
        self.details: dict[str, Any] = dict(details or {})
        super().__init__(self.message)


class UserErrorException(TrainshedError):
    """The request is wrong."""


class AuthenticationException(UserErrorException):
    """The token is missing or wrong."""

    status = 401


class DatasetTimestampMissingError(UserErrorException):
    """The table has no timestamp column by which rows could be selected."""


class NotFoundException(UserErrorException):
    """There is nothing with this name."""

    status = 404


class UnknownNameException(NotFoundException, KeyError):
    """A name that is missing in a dict of the workspace; also a ``KeyError``, for code that expects a dict."""

    def __str__(self) -> str:
        return self.message  # the text of a KeyError is its repr


class TrainingException(TrainshedError):
    """The estimator's settings contradict each other."""


class HyperDriveConfigException(TrainingException):
    """The settings of a sweep are wrong or contradict each other."""


class HyperDriveScenarioNotSupportedException(TrainingException):
    """This kind of sweep is not supported."""


class HyperDriveNotImplementedException(TrainingException):
    """v1 had this name for sweeps, but never implemented it."""


class RunConfigurationException(TrainshedError):
    """The run configuration is wrong."""


class RunEnvironmentException(TrainshedError):
    """There is no current run: the script was not started by Trainshed."""


class SnapshotException(TrainshedError):
    """The source folder cannot be sent."""


class ComputeTargetException(TrainshedError):
    """The compute target does not exist or cannot be used."""


class WorkspaceException(TrainshedError):
    """The workspace does not exist or cannot be used."""


class ExperimentExecutionException(TrainshedError):
    """Submitting or watching a run could not continue."""


class WebserviceException(TrainshedError):
    """A model, or its server, does not exist or cannot be used."""


class ModelNotFoundException(WebserviceException):
    """There is no such model."""

    status = 404


class ModelPathNotFoundException(WebserviceException):
    """A model's file does not exist."""

    status = 404


class EnvironmentBuildException(TrainshedError):
    """The requested packages cannot be installed."""


class ActivityFailedException(TrainshedError):
    """The run failed.

    Args:
        message: what failed and the last lines of the run's log.
        error_details: the run's error, as in ``run.get_details()['error']``.
    """

    def __init__(
        self,
        message: str = "",
        details: "dict[str, Any] | None" = None,
        error_details: "Any" = None,
        **_: "Any",
    ) -> None:
        super().__init__(message, details)
        self.error_details = error_details


class ServiceException(TrainshedError):
    """The service cannot be reached, or could not do what was requested."""

    status = 503


class MachineUnreachableException(ServiceException):
    """A machine does not answer, so the state of its runs is unknown."""


class MachineAccessException(MachineUnreachableException):
    """A machine lets nobody in until something is changed, so the state of its runs is unknown."""


class InternalException(TrainshedError):
    """Trainshed has a bug; please report it."""

    status = 500


def did_you_mean(name: str, known: "Iterable[str]") -> str:
    """Return ``" Did you mean 'x'?"`` for the most similar known name, or an empty string.

    Args:
        name: what the user wrote.
        known: the existing names.

    Example:
        >>> did_you_mean("entry_scrpt", ["entry_script", "node_count"])
        " Did you mean 'entry_script'?"
    """
    import difflib  # only needed for an error

    near = difflib.get_close_matches(name, list(known), n=1)
    return f" Did you mean '{near[0]}'?" if near else ""


def named(kind: str) -> "type[TrainshedError]":
    """Return the exception class called ``kind`` (as the service names it), or the root class.

    Args:
        kind: a class name of this module.
    """
    found = globals().get(kind)
    if isinstance(found, type) and issubclass(found, TrainshedError):
        return found
    return TrainshedError
