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


def test_sources_are_the_moves_read_backwards() -> None:
    for state in states.ALL:
        assert states.sources_of(state) == {s for s in states.ALL if state in states.LEGAL_MOVES[s]}
