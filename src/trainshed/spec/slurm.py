"""Options of a Slurm target: the rules for their values, which the client checks first and the service again."""

from __future__ import annotations

from trainshed.errors import TYPE_CHECKING, UserErrorException, did_you_mean
from trainshed.spec.shape import check_count

if TYPE_CHECKING:
    from typing import Any, Dict, Mapping, Tuple

TEXTS: Tuple[str, ...] = (
    "partition",
    "account",
    "qos",
    "constraint",
    "reservation",
    "time",
    "memory",
    "gpu_type",
    "mpi",
)
"""Options that are texts."""
COUNTS: Tuple[str, ...] = ("cpus_per_task", "slots", "notice_seconds", "requeue")
"""Options that are numbers from 1 on."""
OPTIONS: Tuple[str, ...] = (*TEXTS, *COUNTS, "exclusive", "directives")
SLOTS = 1000
"""How many slots of runs are in Slurm's queue at a time unless the target says otherwise."""
OURS = frozenset({
    "array", "batch", "chdir", "clusters", "cpus-per-task", "error", "export", "export-file", "gres", "help", "hold",
    "input", "job-name", "no-requeue", "nodes", "ntasks", "ntasks-per-node", "open-mode", "output", "parsable", "quiet",
    "test-only", "uid", "usage", "verbose", "version", "wait", "wrap",
})  # fmt: skip
"""Directives that Trainshed sets itself, or that would change what sbatch does and answers."""
_OPTION_OF = {"partition", "account", "qos", "constraint", "reservation", "time", "exclusive"}
_ELSEWHERE = {
    "mpi": "mpi",
    "cpus-per-task": "cpus_per_task", "gres": "use_gpu of the run, with gpu_type", "mem": "memory",
    "requeue": "requeue", "signal": "notice_seconds",
}  # fmt: skip


def check_options(options: Mapping[str, Any]) -> Dict[str, Any]:
    """Return the options of a Slurm target that have a value.

    Args:
        options: some of :data:`OPTIONS`; None leaves one out.

    Raises:
        UserErrorException: an option does not exist, or its value cannot be right.

    Example:
        >>> check_options({"partition": "gpu", "time": "1-00:00:00", "qos": None})
        {'partition': 'gpu', 'time': '1-00:00:00'}
    """
    unknown = next((name for name in options if name not in OPTIONS), None)
    if unknown is not None:
        raise UserErrorException(
            f"A Slurm target has no option '{unknown}'.{did_you_mean(unknown, OPTIONS)} What sbatch knows besides goes "
            "into directives, for example directives={'mail-type': 'END'}."
        )
    given = {name: value for name, value in options.items() if value is not None}
    for name in TEXTS:
        if name in given:
            _check_text(name, given[name])
    for name in COUNTS:
        if name in given:
            check_count(name, given[name])
    if not isinstance(given.get("exclusive", False), bool):
        raise UserErrorException(f"exclusive is {given['exclusive']!r}; it must be True or False.")
    if "directives" in given:
        _check_directives(given["directives"])
    return given


def _check_text(name: str, value: Any) -> None:
    if not isinstance(value, str) or not value.strip():
        raise UserErrorException(f"{name} is {value!r}; it must be a text that is not empty.")
    if not all(char.isprintable() for char in value):
        raise UserErrorException(f"{name} is {value!r}; it must be one line without control characters.")


def _check_directives(directives: Any) -> None:
    if not isinstance(directives, dict):
        raise UserErrorException(f"directives is {directives!r}; it must be a dict such as {{'mail-type': 'END'}}.")
    for name, value in directives.items():
        plain = isinstance(name, str) and name.isascii() and name[:1].isalpha()
        if not plain or not all(char.isalnum() or char == "-" for char in name):
            raise UserErrorException(
                f"{name!r} is not the name of a directive. Use the long name of an option of sbatch without its "
                "dashes, such as 'mail-type'."
            )
        if name in _OPTION_OF or name in _ELSEWHERE:
            raise UserErrorException(f"Directive '{name}' has a name of its own here: {_ELSEWHERE.get(name, name)}.")
        if name in OURS:
            raise UserErrorException(f"Directive '{name}' cannot be chosen: Trainshed sets it, or depends on it.")
        if value is not True:
            _check_text(f"directives['{name}']", str(value) if isinstance(value, int) else value)
