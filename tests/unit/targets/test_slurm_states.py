"""What Slurm says of jobs, read and put into words."""

from __future__ import annotations

from typing import Any

import pytest

from trainshed.machines.machine import ABSENT, ALIVE, ENDED, LOST, PENDING, Observation
from trainshed.spec import states
from trainshed.targets import slurm_states
from trainshed.targets.slurm_states import SlurmJob, corrected, gone, lives, of_sacct, of_squeue, pending, without_exit

SIGTERM = {"outcome": "failed", "reason": "host_lost", "message": "SIGTERM", "phase": "Running", "time": 1.0}


def job(state: str, code: int | None = None, reason: str = "None", start: str = "N/A") -> SlurmJob:
    return SlurmJob("7", state, reason, start, "n1", "train_1.1", code)


def test_lines_that_are_not_whole_are_left_out() -> None:
    text = "7|RUNNING|None|2026-11-29T12:00:00|n[1-2]|train_1.1\nslurm: warning\n8|PENDING|Priority|N/A||odd|name\n"
    found = of_squeue(text)
    assert set(found) == {"7", "8"}
    assert (found["7"].nodes, found["8"].name) == ("n[1-2]", "odd|name")
    assert of_sacct("7|CANCELLED by 0|0:15|n1\n8||0:0|\n9|FAILED|2:0|n2\n")["9"].code == 2
    assert of_sacct("7|CANCELLED by 0|0:15|n1\n")["7"] == SlurmJob("7", "CANCELLED", "", "", "n1", "", 143)


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        (job("PENDING", reason="Resources"), "Slurm job 7: It waits until enough nodes are free. (Resources)"),
        (job("PENDING", reason="None"), "Slurm job 7: Slurm has not looked at the job yet."),
        (job("CONFIGURING"), "Slurm job 7: Slurm prepares its nodes."),
        (job("PENDING", reason="QOSMaxJobsPerUserLimit"), "Slurm job 7: Slurm's reason: QOSMaxJobsPerUserLimit."),
        (
            job("PENDING", reason="ReqNodeNotAvail, UnavailableNodes:n1", start="2026-11-29T12:00:00"),
            (
                "Slurm job 7: A node that it needs is not available; it may be down, or reserved for maintenance. "
                "(ReqNodeNotAvail) Estimated start: 2026-11-29 12:00:00."
            ),
        ),
    ],
)
def test_reasons_are_sentences(seen: SlurmJob, words: str) -> None:
    assert seen.waits
    assert pending(seen) == Observation(PENDING, reason=words)


@pytest.mark.parametrize("state", ["NODE_FAIL", "OUT_OF_MEMORY", "TIMEOUT", "PREEMPTED", "CANCELLED", "DEADLINE"])
def test_slurm_knows_who_has_ended_a_run(state: str) -> None:
    told = corrected(SIGTERM, job(state))
    assert told["reason"] in states.REASONS
    assert told["reason"] != "host_lost"
    assert "7" in told["message"]
    assert without_exit(Observation(LOST, rebooted=True), job(state)).exit["reason"] == told["reason"]
    assert without_exit(Observation(ABSENT), job(state)).exit["reason"] == told["reason"]
    completed = {**SIGTERM, "outcome": "completed", "reason": "exit"}
    assert corrected(completed, job(state)) == completed
    limit = {**SIGTERM, "reason": "time_limit"}
    assert corrected(limit, job(state)) == limit
    assert corrected(SIGTERM, job("COMPLETED")) == corrected(SIGTERM, None) == SIGTERM


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        (job("FAILED", slurm_states.NOT_SHARED), "did not find the folder of the run directories"),
        (job("FAILED", 181, reason="JobLaunchFailure"), "did not find the folder of the run directories"),
        (job("FAILED", 127), "could not start Trainshed's Python"),
        (job("FAILED", 1), "ended as FAILED"),
    ],
)
def test_why_nothing_has_started(seen: SlurmJob, words: str) -> None:
    told = without_exit(Observation(ABSENT), seen)
    assert (told.state, told.exit["reason"]) == (ENDED, "start_failed")
    assert words in told.exit["message"]


def test_a_job_that_was_not_accepted_may_be_submitted_again() -> None:
    assert without_exit(Observation(ABSENT), job("FAILED", slurm_states.NOT_ACCEPTED)).state == ABSENT
    assert without_exit(Observation(ABSENT), job("COMPLETED", 0)).state == ABSENT


def test_a_note_of_the_script_counts_more_than_what_slurm_says() -> None:
    note: dict[str, Any] = {**SIGTERM, "reason": "exit"}
    assert without_exit(Observation(LOST, note, True), job("NODE_FAIL")) == Observation(LOST, note)


def test_jobs_that_slurm_has_forgotten() -> None:
    assert gone(Observation(ABSENT), "7") == Observation(ABSENT)
    assert "no longer knows its job 7" in gone(Observation(LOST, rebooted=True), "7").reason
    assert not gone(Observation(LOST, rebooted=True), "7").rebooted


def test_a_job_that_is_being_ended() -> None:
    assert lives(Observation(LOST), job("COMPLETING"))
    assert lives(Observation(ENDED, SIGTERM), job("COMPLETING"))
    assert not lives(Observation(ENDED, {**SIGTERM, "reason": "exit"}), job("COMPLETING"))
    assert lives(Observation(ALIVE), job("FAILED"))
    assert not lives(Observation(LOST), job("FAILED"))


def test_a_run_that_was_told_beforehand() -> None:
    """Whether it was preemption or the time limit, Slurm knows better; and where it says nothing, the word stands."""
    told = {**SIGTERM, "reason": "time_limit", "notice": "time_limit"}
    assert corrected(told, job("PREEMPTED"))["reason"] == "preempted"
    assert corrected(told, job("FAILED")) == told
    own = {**SIGTERM, "reason": "time_limit"}  # max_run_duration_seconds
    assert corrected(own, job("PREEMPTED")) == own


def test_a_job_that_was_requeued_too_often() -> None:
    seen = without_exit(Observation(LOST), job("FAILED", code=slurm_states.NOT_AGAIN))
    assert (seen.state, seen.exit["reason"]) == (ENDED, "node_fail")
    assert "more often than the target allows" in seen.exit["message"]
