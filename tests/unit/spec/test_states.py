from __future__ import annotations

from trainshed.spec import states


def test_terminal_states_go_nowhere() -> None:
    assert all(not states.LEGAL_MOVES[state] for state in states.TERMINAL)


def test_every_state_can_end() -> None:
    for state in states.ALL - states.TERMINAL:
        assert states.LEGAL_MOVES[state] >= states.TERMINAL


def test_nothing_goes_back() -> None:
    assert states.QUEUED not in states.LEGAL_MOVES[states.RUNNING]
    assert states.RUNNING not in states.LEGAL_MOVES[states.FINALIZING]
    assert states.RUNNING not in states.LEGAL_MOVES[states.CANCEL_REQUESTED]


def test_where_a_run_may_have_come_from() -> None:
    before = {"NotStarted", "Queued", "Provisioning", "Preparing", "Starting", "Running", "NotResponding"}
    ends = {*before, "Finalizing", "CancelRequested"}
    assert {*ends, "Completed", "Failed", "Canceled"} == states.ALL
    for state, sources in {
        "NotStarted": set(),
        "Queued": {"NotStarted"},
        "Provisioning": {"NotStarted", "Queued", "NotResponding"},
        "Preparing": {"NotStarted", "Queued", "Provisioning", "NotResponding"},
        "Starting": {"NotStarted", "Queued", "Provisioning", "Preparing", "NotResponding"},
        "Running": before - {"Running"},
        "Finalizing": {*before, "CancelRequested"},
        "CancelRequested": {*before, "Finalizing"},
        "NotResponding": {*before, "Finalizing"} - {"NotResponding"},
        "Completed": ends,
        "Failed": ends,
        "Canceled": ends,
    }.items():
        assert states.sources_of(state) == sources, state
