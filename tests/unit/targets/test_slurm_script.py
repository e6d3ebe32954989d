"""The batch script is a pure function of the run and the target: golden files. ``GOLDEN=write`` writes them anew."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from trainshed.errors import UserErrorException
from trainshed.spec.run import RunSpec
from trainshed.spec.slurm import OURS, check_options
from trainshed.targets.slurm_script import array_script, directives, script, unset

GOLDEN = Path(__file__).parent / "golden"
COMMAND = ("/usr/bin/python3", "-S", "-E", "/shared/node/batch.py", "/shared/runs/train_1", "SLURM_JOB_ID")
CASES: dict[str, tuple[RunSpec, dict[str, Any], str]] = {
    "plain": (RunSpec("train"), {}, "/shared/runs/train_1/shim.log"),
    "cores": (RunSpec("train", slots=4), {"partition": "cpu"}, "/shared/runs/train_1/shim.log"),
    "two_nodes_with_gpus": (
        RunSpec("train", node_count=2, process_count_per_node=4, launcher="torch", use_gpu=True, slots=8),
        {"gpu_type": "a100", "time": "1-00:00:00", "exclusive": True},
        "/shared/runs/train_1/shim.log",
    ),
    "everything": (
        RunSpec("train", process_count_per_node=2, launcher="openmpi"),
        {
            "partition": "main,urgent", "account": "physics", "qos": "high", "constraint": "[rack1|rack2]&ssd",
            "reservation": "course", "time": "90", "memory": "16G", "cpus_per_task": 3,
            "notice_seconds": 120, "requeue": 2,
            "directives": {"mail-type": "END", "comment": "\"it's\" # 100 % \\ $HOME `id`", "nice": 7, "reboot": True},
        },
        "/odd %j 'folder'/shim.log",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_scripts_are_as_the_golden_files_say(name: str) -> None:
    spec, options, output = CASES[name]
    made = script(directives("train_1.1", spec, check_options(options), output), COMMAND)
    path = GOLDEN / f"{name}.sh"
    if os.environ.get("GOLDEN") == "write":
        path.write_text(made)
    assert made == path.read_text()


def test_the_script_of_an_array_is_as_the_golden_file_says() -> None:
    pairs = directives("trainshed.ab12cd34", RunSpec("train"), check_options({"requeue": 2}), "/dev/null")
    paths = ["/shared/runs/train_1", "/shared/runs/it's $2"]
    made = array_script(pairs, COMMAND, paths, "SLURM_JOB_ID", "shim.log")
    path = GOLDEN / "array.sh"
    if os.environ.get("GOLDEN") == "write":
        path.write_text(made)
    assert made == path.read_text()


def test_what_the_script_says_is_not_overruled_by_the_environment() -> None:
    names = unset(directives("train_1.1", RunSpec("train"), {"time": "5", "partition": "main"}, "/log"))
    assert {"SBATCH_TIMELIMIT", "SBATCH_PARTITION", "SBATCH_ARRAY_INX", "SBATCH_JOB_NAME"} <= set(names)
    assert "SBATCH_ACCOUNT" not in names  # a site's default


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"partion": "main"}, "Did you mean 'partition'"),
        ({"partition": ""}, "partition is ''"),
        ({"account": "a\n#SBATCH --uid=0"}, "one line without control characters"),
        ({"time": 90}, "time is 90"),
        ({"slots": 0}, "slots is 0"),
        ({"cpus_per_task": "4"}, "cpus_per_task must be a whole number"),
        ({"exclusive": "yes"}, "exclusive is 'yes'"),
        ({"directives": ["mail-type"]}, "it must be a dict"),
        ({"directives": {"mail type": "END"}}, "is not the name of a directive"),
        ({"directives": {"--wrap": "true"}}, "is not the name of a directive"),
        ({"directives": {"time": "5"}}, "has a name of its own here: time"),
        ({"directives": {"mem": "5G"}}, "has a name of its own here: memory"),
        ({"directives": {"signal": "TERM@60"}}, "has a name of its own here: notice_seconds"),
        ({"requeue": -1}, "requeue"),
        ({"directives": {"comment": "a\nb"}}, "one line"),
        ({"directives": {"comment": None}}, "must be a text"),
    ],
)
def test_options_that_cannot_be_right(options: dict[str, Any], words: str) -> None:
    with pytest.raises(UserErrorException, match=words):
        check_options(options)


@pytest.mark.parametrize("name", sorted(OURS - {"gres", "cpus-per-task"}))
def test_directives_that_are_ours(name: str) -> None:
    with pytest.raises(UserErrorException, match="cannot be chosen"):
        check_options({"directives": {name: "1"}})
