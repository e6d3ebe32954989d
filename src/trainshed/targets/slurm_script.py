"""The text of the batch script that a run becomes on Slurm: a pure function, tested by golden files."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from trainshed.spec.run import RunSpec

_GIVEN = ("partition", "account", "qos", "constraint", "reservation", "time")
_VARIABLES = {"time": "TIMELIMIT", "array": "ARRAY_INX"}
"""Directives whose environment variable has another name."""
_NEVER = ("ARRAY_INX", "EXPORT", "GET_USER_ENV", "REQUEUE", "SIGNAL", "WAIT")
"""What a user's environment must not add to our jobs."""

_TASK = "TRAINSHED_SLURM_TASK"
Directives = tuple[tuple[str, Any], ...]


def directives(token: str, spec: RunSpec, options: Mapping[str, Any], output: str) -> Directives:
    """Return the directives of a run's job, as pairs of name and value; True stands for no value.

    Args:
        token: names the job.
        spec: what to run.
        options: of the target, as :func:`trainshed.spec.slurm.check_options` returns them.
        output: file on the cluster for what goes wrong before the run can say so itself.
    """
    # Paths: to Slurm, % begins a pattern.
    pairs: list[tuple[str, Any]] = [
        ("job-name", token),
        ("output", output.replace("%", "%%")),
        ("open-mode", "append"),
        ("chdir", "/"),
        ("requeue" if options.get("requeue") else "no-requeue", True),
        ("nodes", spec.node_count),
        ("ntasks-per-node", spec.process_count_per_node),
    ]
    cpus = options.get("cpus_per_task") or -(-spec.slots // spec.process_count_per_node)
    if cpus > 1:
        pairs.append(("cpus-per-task", cpus))
    if spec.use_gpu:
        kind = f"{options['gpu_type']}:" if "gpu_type" in options else ""
        pairs.append(("gres", f"gpu:{kind}{spec.process_count_per_node}"))
    pairs += [(name, options[name]) for name in _GIVEN if name in options]
    if "memory" in options:
        pairs.append(("mem", options["memory"]))
    if "notice_seconds" in options:
        pairs.append(("signal", f"B:USR1@{options['notice_seconds']}"))
    if options.get("exclusive"):
        pairs.append(("exclusive", True))
    return (*pairs, *options.get("directives", {}).items())


def script(pairs: Directives, command: Sequence[str]) -> str:
    """Return the batch script.

    Args:
        pairs: result of :func:`directives`.
        command: what the job runs; of the user's, it contains nothing but paths.

    Example:
        >>> print(script((("time", "10"), ("exclusive", True)), ["python", "/my runs/batch.py"]).strip())
        #!/bin/sh
        #SBATCH --time="10"
        #SBATCH --exclusive
        exec python '/my runs/batch.py'
    """
    return _text(pairs, [f"exec {shlex.join(command)}"])


def array_script(pairs: Directives, command: Sequence[str], run_dirs: Sequence[str], variable: str, log: str) -> str:
    """Return the batch script of an array, each task of which is a run.

    Args:
        pairs: result of :func:`directives`.
        command: what the job of a run alone runs, with the first of ``run_dirs`` and ``variable``.
        run_dirs: the run directories, in the order of the tasks.
        variable: environment variable with the id of a job, of which the tasks have one of their own.
        log: name of the file in a run directory for what goes wrong before the run can say so itself.
    """
    words = {run_dirs[0]: '"$run"', variable: _TASK}
    line = " ".join(words.get(word, shlex.quote(word)) for word in command)
    return _text(
        (*pairs, ("array", f"0-{len(run_dirs) - 1}")),
        [
            "case $SLURM_ARRAY_TASK_ID in",
            *(f"{index}) run={shlex.quote(path)} ;;" for index, path in enumerate(run_dirs)),
            "esac",
            f"export {_TASK}=${{SLURM_ARRAY_JOB_ID}}_$SLURM_ARRAY_TASK_ID",
            f'[ ! -d "$run" ] || exec >>"$run/{log}" 2>&1',
            f"exec {line}",
        ],
    )


def _text(pairs: Directives, lines: Sequence[str]) -> str:
    marked = [f"#SBATCH --{name}" + ("" if value is True else f"={_quoted(str(value))}") for name, value in pairs]
    return "\n".join(["#!/bin/sh", *marked, *lines]) + "\n"


def _quoted(value: str) -> str:
    """Return a value as sbatch reads it back: it is one line, by the check of the options."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def unset(pairs: Directives) -> tuple[str, ...]:
    """Return the variables that must not be set for sbatch, because it would believe them and not the script.

    Args:
        pairs: result of :func:`directives`.
    """
    names = {_VARIABLES.get(name, name.upper().replace("-", "_")) for name, _ in pairs}
    return tuple(f"SBATCH_{name}" for name in sorted(names | set(_NEVER)))
