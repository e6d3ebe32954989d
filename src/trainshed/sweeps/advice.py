"""What is wrong with a script that a sweep runs, told by what its runs have left."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from trainshed.errors import did_you_mean
from trainshed.spec.sweep_checks import flag_of

_NAMED = 5
_MANY = 10
"""Values of another metric after which a run is taken not to log the primary one."""
_UNKNOWN = re.compile(r"error: unrecognized arguments: (.*)")
_NO_OPTION = re.compile(r"(?:[Nn]o such option: '?|unrecognized option '?|option (?=\S+ not recognized))(--?[\w-]+)")


def without_metric(run_id: str, metric: str, counts: Mapping[str, int], ended: bool) -> str:
    """Return what to say of a run that has not logged the primary metric, or ``""`` for nothing.

    Args:
        run_id: the run.
        metric: name of the primary metric.
        counts: the metrics that it has logged, with the number of values of each.
        ended: whether it has completed. One that goes on is given time.

    Example:
        >>> without_metric("HD_1_0", "accuracy", {"acuracy": 10}, ended=False)
        "Run 'HD_1_0' has logged acuracy, but not the primary metric 'accuracy' so far. Did you mean 'acuracy'?"
    """
    if metric in counts or not (ended or max(counts.values(), default=0) >= _MANY):
        return ""
    names = ", ".join(list(counts)[:_NAMED])
    near = did_you_mean(metric, counts)
    if not ended:
        return f"Run '{run_id}' has logged {names}, but not the primary metric '{metric}' so far.{near}"
    logged = f"it logged {names}" if names else "it logged no metric"
    return (
        f"Run '{run_id}' completed without logging the primary metric '{metric}'; {logged}.{near} "
        f"The script has to call run.log('{metric}', value)."
    )


def not_taken(parameters: Iterable[str], error: Mapping[str, Any]) -> str:
    r"""Return the option of a parameter that a script has refused as unknown, or ``""``.

    Args:
        parameters: names of the parameters.
        error: the error of the run that failed, with the end of its log.

    Example:
        >>> not_taken(["alpha"], {"log_tail": "usage: …\ntrain.py: error: unrecognized arguments: --alpha 0.5\n"})
        '--alpha'
    """
    lines = str(error.get("log_tail") or "").splitlines()[-3:]
    found = [word for line in lines for match in _UNKNOWN.findall(line) for word in match.split()]
    found += [option for line in lines for option in _NO_OPTION.findall(line)]
    flags = {flag_of(name) for name in parameters}
    return next((word for word in found if word.partition("=")[0] in flags), "")
