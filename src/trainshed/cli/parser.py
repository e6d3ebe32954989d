"""The argument parser of ``trainshed``."""

from __future__ import annotations

import argparse
from typing import Any, NoReturn

from trainshed.cli import parser_runs, parser_services
from trainshed.cli.argument_types import count
from trainshed.cli.parser_parts import command, common, package_options
from trainshed.errors import UserErrorException
from trainshed.spec.sweep import SAMPLINGS
from trainshed.version import VERSION

_ABOUT = """Train machine-learning models on this machine. Every run has its own environment and a snapshot of its
source folder, and its log, metrics and files are kept."""

_EXAMPLES = """examples:
  trainshed submit ./src --script train.py -p scikit-learn --follow -- --alpha 0.8
  trainshed runs --status Failed
  trainshed logs -f @last
  trainshed get @last outputs/model.pkl

RUN is a run id, the beginning of one if it is unique, or @last for the newest run.
See 'trainshed COMMAND --help' for the options of a command."""


class _Parser(argparse.ArgumentParser):
    """Reports usage errors in one line, like all other errors."""

    def __init__(self, **settings: Any) -> None:
        # With abbreviations allowed, an option meant for the script could be read as one of trainshed's.
        super().__init__(formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False, **settings)

    def error(self, message: str) -> NoReturn:
        raise UserErrorException(f"{message[0].upper()}{message[1:]}. See: {self.prog} --help")


def parse(words: list[str]) -> argparse.Namespace:
    """Parse the program's arguments; those after ``--`` are for the submitted script.

    Raises:
        UserErrorException: an option or argument that the command does not accept.
    """
    cut = words.index("--") if "--" in words else len(words)
    options, unknown = parser().parse_known_args(words[:cut])
    options.arguments = words[cut + 1 :]
    if options.command == "sweep" and options.what.endswith((".yml", ".yaml")):
        from trainshed.cli import sweep_file  # takes 15 ms

        if sweep_file.is_file(options.what):
            return _with_file(words[:cut], options, *sweep_file.read(options.what))
    _refuse(options, unknown)
    return options


def _with_file(
    words: list[str], options: argparse.Namespace, more: list[str], folder: str, arguments: list[str]
) -> argparse.Namespace:
    """Parse again, with the options of a file before those that were typed, which replace them."""
    file = options.what
    try:
        parser().parse_args(["sweep", file, *more])
    except UserErrorException as error:
        raise UserErrorException(f"'{file}': {error.message}") from None
    place = words.index(file)
    whole, unknown = parser().parse_known_args([*words[:place], *more, *words[place:]])
    whole.arguments = options.arguments or arguments
    whole.what, whole.run_name = whole.run_name or folder, None
    _refuse(whole, unknown)
    return whole


def _refuse(options: argparse.Namespace, unknown: list[str]) -> None:
    if unknown and options.command in ("submit", "sweep"):
        folder = getattr(options, "folder", None) or options.what
        raise UserErrorException(
            f"'trainshed {options.command}' has no option {unknown[0]!r}. Put `--` before the script's arguments: "
            f"trainshed {options.command} {folder} -- {' '.join(unknown)}"
        )
    if unknown:
        raise UserErrorException(
            f"'trainshed {options.command}' does not accept {unknown[0]!r}. See: trainshed {options.command} --help"
        )


def parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    top = _Parser(prog="trainshed", description=_ABOUT, epilog=_EXAMPLES)
    top.add_argument("--version", action="version", version=f"trainshed {VERSION}")
    top.set_defaults(json=False, workspace=None, service=None)
    common(top)
    commands = top.add_subparsers(title="commands", metavar="COMMAND", dest="command", required=True)
    _submit(commands)
    _sweep(commands)
    parser_runs.history(commands)
    parser_runs.files(commands)
    parser_runs.removal(commands)
    parser_runs.verify(commands)
    parser_services.services(commands)
    _azureml(commands)
    _machinery(commands)
    return top


def _submit(commands: Any) -> None:
    made = command(
        commands,
        "submit",
        "submit:submit",
        "submit a script as a run",
        "trainshed submit ./src --script train.py -p numpy -p 'pandas<3' -e SEED=7 -- --alpha 0.8",
    )
    made.usage = "trainshed submit DIR [options] [-- SCRIPT ARGUMENTS]"
    made.add_argument("folder", metavar="DIR", help="source folder; all files except those in .amlignore are sent")
    _script_options(made)


def _sweep(commands: Any) -> None:
    made = command(
        commands,
        "sweep",
        "sweep:sweep",
        "run a script with many sets of parameters, and show, stop, resume, or name the best run of such a sweep",
        "trainshed sweep ./src --param 'alpha=loguniform(-6, 0)' --param 'layers=choice(1, 2)' --metric accuracy",
    )
    made.usage = (
        "trainshed sweep DIR --param NAME=EXPRESSION --metric NAME [options] [-- SCRIPT ARGUMENTS]\n"
        "       trainshed sweep FILE.yml [DIR] [options]\n"
        "       trainshed sweep show|best|stop [RUN]\n"
        "       trainshed sweep resume [RUN] [--runs N] [--at-once N] [--minutes N] [-e NAME=VALUE] [--follow]"
    )
    made.add_argument(
        "what",
        metavar="DIR",
        help="source folder, or a YAML file with these options as keys; or show, best, stop or resume, which runs the "
        "rest of a sweep that has ended",
    )
    made.add_argument("run_name", nargs="?", metavar="RUN", help="a sweep (default: the newest)")
    sweep = made.add_argument_group("the sweep")
    sweep.add_argument(
        "--param",
        action="append",
        default=[],
        metavar="NAME=EXPRESSION",
        help="choice(...), uniform(...), ...; repeatable",
    )
    sweep.add_argument("--metric", metavar="NAME", help="metric to maximize, which the script logs with run.log")
    sweep.add_argument("--minimize", action="store_true", help="minimize the metric")
    sweep.add_argument("--sampling", choices=tuple(SAMPLINGS), default="random", help="default: random")
    sweep.add_argument("--runs", type=count, metavar="N", help="at most N runs (default: 20)")
    sweep.add_argument("--at-once", type=count, metavar="N", help="at most N runs at the same time")
    sweep.add_argument("--minutes", type=count, metavar="N", help="cancel what runs after N minutes")
    sweep.add_argument(
        "--policy", metavar="POLICY", help="stop bad runs early, such as 'bandit(slack_factor=0.1)', median or asha"
    )
    sweep.add_argument("--seed", type=int, metavar="N", help="the same seed gives the same random parameters")
    sweep.add_argument(
        "--retries", type=int, default=0, metavar="N", help="repeat a run up to N times if its machine failed"
    )
    sweep.add_argument("--resume-from", action="append", default=[], metavar="RUN", help="earlier sweep to learn from")
    sweep.add_argument("--csv", action="store_true", help="show: print a CSV table")
    _script_options(made)


def _script_options(made: argparse.ArgumentParser) -> None:
    made.add_argument("--script", metavar="FILE", help="Python file or notebook in DIR (default: train.py)")
    made.add_argument("--target", default="local", metavar="NAME", help="where to run (default: local, this machine)")
    made.add_argument("--experiment", metavar="NAME", help="experiment name (default: the folder's name)")
    made.add_argument(
        "--data",
        action="append",
        default=[],
        metavar="NAME=WHERE",
        help="pass --NAME to the script, with the path of a file or folder, or of the data at a web address, "
        "datastore://NAME/PATH or dataset://NAME:VERSION; repeatable",
    )
    packages = package_options(made)
    packages.add_argument("--image", metavar="IMAGE", help="run in a container of this image; packages are added")
    many = made.add_argument_group("many processes")
    many.add_argument(
        "--backend",
        choices=("mpi", "gloo", "nccl"),
        help="distributed backend: Open MPI, or torch.distributed with gloo or nccl",
    )
    many.add_argument("--nodes", type=count, default=1, metavar="N", help="nodes of the target (default: 1)")
    many.add_argument("--processes", type=count, default=1, metavar="N", help="processes on each node (default: 1)")
    many.add_argument("--gpu", action="store_true", help="use one GPU per process; wait until they are free")
    running = made.add_argument_group("running")
    running.add_argument("-e", "--env", action="append", default=[], metavar="NAME=VALUE", help="environment variable")
    running.add_argument("--tag", action="append", default=[], metavar="KEY=VALUE", help="tag the run; repeatable")
    running.add_argument(
        "--priority", type=int, metavar="N", help="runs with a higher priority start first (default: 0)"
    )
    running.add_argument("--slots", type=count, default=1, metavar="N", help="slots the run uses (default: 1)")
    running.add_argument("--time-limit", type=count, metavar="SECONDS", help="end the run after SECONDS")
    running.add_argument("--follow", action="store_true", help="show the log, then exit with the run's exit code")


def _azureml(commands: Any) -> None:
    made = command(
        commands,
        "azureml",
        "azureml:check",
        "check scripts and notebooks written for Azure ML SDK v1: what works, works differently or is not here",
        "trainshed azureml check train.py notebooks/",
    )
    made.add_argument("what", choices=("check",), help="nothing is run; the exit code is 1 if a name is not here")
    made.add_argument("paths", nargs="+", metavar="PATH", help="a script, a notebook, or a folder with any of them")


def _machinery(commands: Any) -> None:
    shells = command(
        commands,
        "completion",
        "completion:completion",
        "print a script that teaches your shell to complete commands, options and run ids",
        'eval "$(trainshed completion bash)"; trainshed completion fish | source',
    )
    shells.add_argument("shell", choices=("bash", "zsh", "fish"))
    command(commands, "workspaces", "admin:workspaces", "list the workspaces of this machine", "trainshed workspaces")
    _target(commands)
    built = command(
        commands,
        "environments",
        "admin:environments",
        "list the built environments, or remove old ones",
        "trainshed environments --prune 30",
    )
    built.add_argument("--prune", type=float, metavar="DAYS", help="remove environments unused for DAYS days")
    service = command(
        commands, "service", "admin:service", "show, start or stop the workspace's service", "trainshed service status"
    )
    service.add_argument(
        "what",
        choices=("status", "start", "stop", "logs", "access"),
        help="stop: runs continue; access: print a lasting address and token for clients on other machines",
    )
    service.add_argument("--mlflow", action="store_true", help="access: print the variables that MLflow's clients read")
    service.add_argument("--token-file", metavar="FILE", help="access: write the token to FILE, readable only by you")


def _target(commands: Any) -> None:
    target = command(
        commands,
        "target",
        "target:target",
        "list, add, check, map or remove compute targets, or change one",
        "trainshed target add gpu1 me@gpu1; trainshed target check gpu1; trainshed target gpu1 "
        "--slots 4; trainshed target nodes --nodes 2",
    )
    target.usage = "\n       ".join(
        (
            "trainshed target [list]",
            "trainshed target add NAME HOST... [options]",
            "trainshed target check NAME [--mpi]",
            "trainshed target remove NAME",
            "trainshed target map NAME TARGET",
            "trainshed target unmap NAME",
            "trainshed target NAME [--slots N] [--grace SECONDS] [--nodes N]",
        )
    )
    target.add_argument("words", nargs="*", metavar="NAME", help="one of these, or a target to change")
    target.add_argument("--slots", type=count, metavar="N", help="number of one-slot runs that can run at once")
    target.add_argument(
        "--grace", type=float, metavar="SECONDS", help="time between SIGTERM and SIGKILL when a run there is ended"
    )
    target.add_argument(
        "--nodes", type=count, metavar="N", help="number of nodes of the cluster; it is created if it does not exist"
    )
    check = target.add_argument_group("check")
    check.add_argument(
        "--mpi", action="store_true", help="also run two processes of Open MPI, which is installed for it"
    )
    add = target.add_argument_group("add: HOST is a host of your ssh configuration, or an address")
    add.add_argument("--user", metavar="NAME", help="login name, where the ssh configuration has another or none")
    add.add_argument("--port", type=count, metavar="N", help="port of the SSH server, likewise")
    add.add_argument("--key", metavar="FILE", help="file of a private key, likewise")
    add.add_argument("--config", metavar="FILE", help="ssh configuration file (default: yours)")
    add.add_argument(
        "--reuse", action="store_true", default=None, help="use only a connection that you open, for two-factor logins"
    )
    add.add_argument("--folder", metavar="PATH", help="folder there for Trainshed's files (default: ~/.trainshed)")
    add.add_argument("--python", metavar="PATH", help="Python there (default: the first one of version 3.8 or later)")
    add.add_argument("--archive", metavar="FILE", help="archive here with a Python, for a host that has none")
    add.add_argument(
        "--shared", action="append", metavar="PATH", help="folder that is the same here and there, to use data in place"
    )
