"""What a trial runs: the request of the sweep, with the parameters as options of the script."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from trainshed.spec.run import DataSpec, RunSpec
from trainshed.spec.sweep import RESUMED_ON, resumed_path
from trainshed.spec.sweep_checks import flag_of

HYPERPARAMETERS = "hyperparameters"
"""The tag with a trial's parameters, as JSON."""
_MODEL = "MODEL_LOCATION"


def run_id_of(sweep_id: str, number: int, attempt: int = 1) -> str:
    """Return the id of a trial's run.

    Example:
        >>> run_id_of("HD_1", 4), run_id_of("HD_1", 4, attempt=2)
        ('HD_1_4', 'HD_1_4_attempt_2')
    """
    return f"{sweep_id}_{number}" if attempt == 1 else f"{sweep_id}_{number}_attempt_{attempt}"


def spec_of(trial: RunSpec, sweep_id: str, experiment: str, parameters: Mapping[str, Any]) -> RunSpec:
    """Return the request of a trial.

    Args:
        trial: what each trial runs.
        sweep_id: the sweep's run, which becomes its parent.
        experiment: the sweep's experiment, which may have been renamed.
        parameters: its parameters. They replace options of the same names.
    """
    given = trial.command or trial.arguments
    arguments = (*without(given, map(flag_of, parameters)), *options(parameters))
    tags = {HYPERPARAMETERS: json.dumps(parameters)}
    own = trial._replace(parent=sweep_id, experiment=experiment, tags=tags, display_name=None)
    return _with_arguments(own, arguments)


def _with_arguments(trial: RunSpec, arguments: tuple[str, ...]) -> RunSpec:
    return trial._replace(command=arguments) if trial.command else trial._replace(arguments=arguments)


def resuming(trial: RunSpec, run_id: str) -> RunSpec:
    """Return the request of a trial that resumes a run, whose outputs are in the default datastore.

    Args:
        trial: what each trial runs.
        run_id: the run that is resumed.

    Example:
        >>> resuming(RunSpec("e", script="train.py"), "HD_1_0").arguments
        ('--resume-from', '$AZUREML_DATAREFERENCE_MODEL_LOCATION')
    """
    given = (*(trial.command or trial.arguments), "--resume-from", f"$AZUREML_DATAREFERENCE_{_MODEL}")
    data = [each for each in trial.data if each.name != _MODEL]
    data.append(DataSpec(_MODEL, RESUMED_ON, resumed_path(run_id)))
    return _with_arguments(trial._replace(data=tuple(data)), given)


def parameters_of(tags: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the parameters of a run from its tags; None if it was no trial of a sweep."""
    try:
        found = json.loads(tags.get(HYPERPARAMETERS) or "")
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def options(parameters: Mapping[str, Any]) -> list[str]:
    """Return parameters as options of a script.

    Example:
        >>> options({"--alpha": 0.5, "layers": [64, 10]})
        ['--alpha', '0.5', '--layers', '[64, 10]']
        >>> options({"--bias": -1e-05})
        ['--bias', '-0.00001']
    """
    found = []
    for name, value in parameters.items():
        found += [flag_of(name), _text(value)]
    return found


def _text(value: Any) -> str:
    if isinstance(value, (list, dict)):
        return json.dumps(value)
    if isinstance(value, float) and value < 0:
        from decimal import Decimal  # takes 5 ms of the service's start

        return f"{Decimal(repr(value)):f}"  # argparse takes -1e-05 for an option
    return str(value)


def without(arguments: Sequence[str], flags: Iterable[str]) -> list[str]:
    """Return arguments without some options and their values.

    Example:
        >>> without(["--alpha", "-1", "--layers", "64", "10", "--fast", "--alpha=2"], ["--layers", "--alpha"])
        ['--fast']
        >>> without(["--alpha=2", "data.csv", "--alpha", "3"], ["--alpha"])
        ['data.csv']
    """
    dropped, kept, skipping = set(flags), [], False
    for text in arguments:
        flag, equals, _ = text.partition("=")
        if text.startswith("-") and not _is_number(text):
            skipping = flag in dropped and not equals
            if flag in dropped:
                continue
        if not skipping:
            kept.append(text)
    return kept


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
