"""``trainshed submit``."""

from __future__ import annotations

import argparse
import os
import re
import sys
from typing import TYPE_CHECKING, Any

from trainshed.api.configuration.runconfig_sections import MpiConfiguration, PyTorchConfiguration
from trainshed.api.runs.experiment import Experiment
from trainshed.api.training.estimator import Estimator
from trainshed.cli import data, resolve, show
from trainshed.errors import UserErrorException
from trainshed.spec.shape import check_launched

if TYPE_CHECKING:
    from trainshed.api.runs.run import Run


def submit(options: argparse.Namespace) -> int:
    """Submit a script as a run."""
    estimator = estimator_of(options)
    experiment = Experiment(resolve.workspace(options, create=True), experiment_of(options))
    run = experiment.submit(estimator, tags=pairs(options.tag, "--tag"), priority=options.priority, slots=options.slots)
    return tell(options, run, "logs -f")


def tell(options: argparse.Namespace, run: Run, watch: str) -> int:
    """Print a run that has been submitted, follow it if asked to, and return the exit code.

    Args:
        options: of the command.
        run: the run.
        watch: the command that shows it, without the run.
    """
    if options.json:
        show.as_json(run.record())
    else:
        print(run.id, flush=True)
    if options.follow:
        from trainshed.cli.files import follow_all
        from trainshed.cli.runs import exit_code_at_end

        follow_all(options, run)
        return exit_code_at_end(run, log_shown=True)
    if sys.stdout.isatty() and not options.json:
        print(f"Watch it: trainshed {watch} {run.id}\nPage: {run.get_portal_url()}", file=sys.stderr)
    return 0


def _source(options: argparse.Namespace) -> tuple[str, str]:
    """Return the folder and the script; DIR may also be the script itself."""
    if options.script is None and os.path.isfile(options.folder):
        folder, script = os.path.split(options.folder)
        return folder or ".", script
    return options.folder, options.script or "train.py"


def estimator_of(options: argparse.Namespace) -> Estimator:
    """Return what the options ask for."""
    folder, script = _source(options)
    estimator = Estimator(
        folder,
        compute_target=options.target,
        entry_script=script,
        pip_packages=options.pip or None,
        conda_packages=options.conda or None,
        pip_requirements_file=options.requirements,
        conda_dependencies_file=options.conda_file,
        environment_variables=pairs(options.env, "-e"),
        user_managed=options.use_python is not None,
        max_run_duration_seconds=options.time_limit,
        node_count=options.nodes,
        distributed_training=_distribution(options),
        custom_docker_image=options.image,
        use_gpu=options.gpu,
        script_params=data.script_params(options),
    )
    if options.python:
        estimator.conda_dependencies.set_python_version(options.python)
    if options.use_python:
        estimator.run_config.environment.python.interpreter_path = options.use_python
    estimator.run_config.arguments += options.arguments
    return estimator


def _distribution(options: argparse.Namespace) -> Any:
    if options.backend is None:
        advice = "use --backend mpi, or gloo or nccl for torch.distributed"
        check_launched("--nodes", options.nodes, False, advice)
        check_launched("--processes", options.processes, False, advice)
        return None
    if options.backend == "mpi":
        return MpiConfiguration(options.processes)
    return PyTorchConfiguration(options.backend.capitalize(), options.nodes * options.processes, options.nodes)


def pairs(given: list[str], option: str) -> dict[str, Any]:
    """Return texts of the form NAME=VALUE as a dict.

    Raises:
        UserErrorException: one is not of this form.
    """
    found = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise UserErrorException(f"{option} {text!r} must be of the form NAME=VALUE.")
        found[name] = value
    return found


def experiment_of(options: argparse.Namespace) -> str:
    """Return the name of the experiment: as the options say, else made from the folder's name."""
    if options.experiment:
        return str(options.experiment)
    return _name(_source(options)[0])


def _name(folder: str) -> str:
    """Return an experiment name made from the folder's name."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", os.path.basename(os.path.abspath(folder))).strip("-_") or "experiment"
