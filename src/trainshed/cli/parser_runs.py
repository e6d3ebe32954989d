"""The parsers of commands about runs that were submitted."""

from __future__ import annotations

from typing import Any

from trainshed.cli.argument_types import count, days, subset
from trainshed.cli.parser_parts import command, names_runs, run_argument


def history(commands: Any) -> None:
    """Add the commands that show, tag and end runs."""
    runs = command(
        commands, "runs", "listing:runs", "list runs", "trainshed runs 'started>-7d' --columns loss,lr --sort loss"
    )
    runs.add_argument(
        "filter",
        nargs="*",
        metavar="FILTER",
        help="as on the page: words, status:failed, 'loss<0.1', 'started>-3d', 'took>2h', …",
    )
    runs.add_argument("--experiment", metavar="NAME", help="only runs of this experiment")
    runs.add_argument("--status", metavar="STATUS,…", help="only runs with one of these, e.g. running,queued")
    runs.add_argument("--tag", metavar="KEY[=VALUE]", help="only runs with this tag")
    runs.add_argument(
        "--columns", action="append", default=[], metavar="NAME,…", help="show these metrics and parameters"
    )
    runs.add_argument(
        "--sort", metavar="NAME", help="by a metric, a parameter, started, took, … (default: newest first)"
    )
    runs.add_argument("--ascending", action="store_true", help="sort the smallest, or oldest, first")
    runs.add_argument("--limit", type=count, default=20, metavar="N", help="show at most N runs (default: 20)")
    for name, what in (
        ("show", "show a run"),
        ("wait", "wait until a run has ended, then exit with its exit code"),
    ):
        function = "show_command" if name == "show" else name
        run_argument(command(commands, name, f"runs:{function}", what, f"trainshed {name} @last"))
    stop = command(commands, "cancel", "changes:cancel", "cancel runs", "trainshed cancel @last")
    names_runs(stop.add_argument("run_names", nargs="+", metavar="RUN", help="id, beginning of an id, or @last"))
    _changes(commands)
    opened = command(
        commands, "open", "page:open_page", "open the page of runs, or of one, in a browser", "trainshed open @last"
    )
    opened.add_argument(
        "what", nargs="?", metavar="RUN|EXPERIMENT", help="only this run or experiment (default: all runs)"
    )
    opened.add_argument(
        "--print", dest="only_print", action="store_true", help="print the address and a one-time code; open nothing"
    )
    metrics = command(commands, "metrics", "runs:metrics", "print the metrics of a run", "trainshed metrics @last mse")
    run_argument(metrics)
    metrics.add_argument("name", nargs="?", metavar="NAME", help="only this metric")


def _changes(commands: Any) -> None:
    tag = command(
        commands, "tag", "changes:tag", "set, remove or print the tags of a run", "trainshed tag @last good=yes"
    )
    run_argument(tag)
    tag.add_argument("tags", nargs="*", metavar="KEY[=VALUE]", help="set this tag")
    tag.add_argument("--remove", action="append", default=[], metavar="KEY", help="remove this tag; repeatable")
    again = command(
        commands,
        "rerun",
        "changes:rerun",
        "submit a run again, with the same source",
        "trainshed rerun @last -- --alpha 0.5",
    )
    run_argument(again)
    again.usage = "trainshed rerun RUN [options] [-- SCRIPT ARGUMENTS]"
    again.add_argument("-e", "--env", action="append", default=[], metavar="NAME=VALUE", help="environment variable")
    again.add_argument("--follow", action="store_true", help="show the log, then exit with the run's exit code")
    compare = command(commands, "diff", "difference:diff", "show how two runs differ", "trainshed diff digits_17 @last")
    for name in ("one", "two"):
        names_runs(compare.add_argument(name, metavar="RUN", help="id, beginning of an id, or @last"))


def files(commands: Any) -> None:
    """Add the commands about their logs and files."""
    logs = command(commands, "logs", "files:logs", "print the log of a run", "trainshed logs -f @last")
    run_argument(logs)
    logs.add_argument("file", nargs="?", metavar="FILE", help="another file of the run (default: the script's output)")
    logs.add_argument("--tail", type=count, metavar="N", help="show only the last N lines")
    logs.add_argument("-f", "--follow", action="store_true", help="keep printing until the run has ended")
    run_argument(command(commands, "files", "files:files", "list the files of a run", "trainshed files @last"))
    get = command(
        commands, "get", "files:get", "download files of a run", "trainshed get @last outputs/model.pkl -o m.pkl"
    )
    run_argument(get)
    get.add_argument(
        "file", metavar="FILE", help="a name that 'trainshed files' lists; end with / to download a folder"
    )
    get.add_argument("-o", "--output", metavar="PATH", help="file or folder to write to; - writes to standard output")


def removal(commands: Any) -> None:
    """Add rm and gc."""
    remove = command(
        commands, "rm", "removal:rm", "remove ended runs with their files and metrics", "trainshed rm @last"
    )
    names_runs(remove.add_argument("run_names", nargs="+", metavar="RUN", help="id, beginning of an id, or @last"))
    remove.add_argument("--children", action="store_true", help="remove child runs too")
    collect = command(
        commands,
        "gc",
        "removal:gc",
        "free disk space: remove snapshots, environments and caches that no run needs, and optionally old runs",
        "trainshed gc --dry-run --runs-older-than 30d --keep-runs 10",
    )
    collect.add_argument("--dry-run", action="store_true", help="only show what would be removed")
    collect.add_argument(
        "--runs-older-than", type=days, metavar="AGE", help="remove runs that ended longer than AGE ago"
    )
    collect.add_argument("--keep-runs", type=int, metavar="N", help="keep the N newest runs of each experiment")
    collect.add_argument(
        "--unused-for",
        type=days,
        metavar="AGE",
        default=30.0,
        help="remove environments, caches and what is left on other machines, unused for AGE (default: 30d)",
    )
    collect.add_argument(
        "--downloads", action="store_true", help="remove downloaded packages too; they are downloaded again when needed"
    )


def verify(commands: Any) -> None:
    """Add verify."""
    check = command(
        commands,
        "verify",
        "verify:verify",
        "check that the database, snapshots, outputs and models are as they were stored; nothing is changed",
        "trainshed verify --subset 1/10",
    )
    check.add_argument(
        "run_names", nargs="*", metavar="RUN", help="only what these runs consist of: id, beginning of an id, or @last"
    )
    check.add_argument(
        "--subset", type=subset, metavar="N/T", default=(1, 1), help="read only the Nth of T parts of all files"
    )
