"""Changes of memory are taken back one by one, whatever came between."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docpager.chat.changes import change_of, edited, taken_back
from docpager.chat.session_log import SessionEntry, SessionLog, SessionState, Summary, read_session
from docpager.core.errors import UsageError
from docpager.paging.conversation import CoreBlock, CoreLine, MemoryEdit

CORE = (CoreBlock("human"), CoreBlock("persona"))


def after(*entries: SessionEntry) -> SessionState:
    state = SessionState().after(SessionEntry("begun", "2026-05-01T09:00:00", core=CORE))
    for entry in entries:
        number = entry.number or (state.next_number if entry.changes_memory else 0)
        state = state.after(replace(entry, number=number))
    return state


def turn(state: SessionState, *edits: MemoryEdit) -> SessionState:
    core = edited(state.core, edits, when="2026-05-01")
    return state.after(
        SessionEntry("turn", "2026-05-01T09:00:00", core=core, number=state.next_number)
    )


def add(text: str, block: str = "human") -> MemoryEdit:
    return MemoryEdit("core_append", text, ("T1",), block=block)


def texts(state: SessionState) -> list[str]:
    return [line.text for block in state.core for line in block.lines]


def test_a_change_is_taken_back_and_later_ones_stay():
    state = turn(turn(turn(after(), add("one")), add("two", "persona")), add("three"))

    state = state.after(taken_back(state, 1))
    assert texts(state) == ["three", "two"]
    state = state.after(taken_back(state, None))
    assert texts(state) == ["two"]
    assert state.undone == {1, 3}


def test_a_line_that_was_replaced_comes_back_in_its_place():
    state = turn(after(), add("one"), add("two"))
    swap = MemoryEdit("core_replace", "neo", (), block="human", old="one")
    state = turn(state, swap)
    assert texts(state) == ["neo", "two"]

    assert texts(state.after(taken_back(state, 2))) == ["one", "two"]


def test_a_change_that_a_later_one_built_on_is_not_taken_back_alone():
    state = turn(after(), add("one"))
    state = turn(state, MemoryEdit("core_replace", "neo", (), block="human", old="one"))

    with pytest.raises(UsageError, match="change 1 wrote 'one', which a later change"):
        taken_back(state, 1)
    with pytest.raises(UsageError, match="there is no change 9; the newest that can be undone: 1"):
        taken_back(state, 9)


def test_only_the_newest_summary_is_taken_back():
    first, second = Summary("one", ("T1-2",)), Summary("two", ("T1-4",))
    left = [SessionEntry("left", "", turns=(n,), summary=s) for n, s in ((1, first), (3, second))]
    state = after(*left)

    with pytest.raises(UsageError, match="a summary that a later one was made from"):
        taken_back(state, 1)
    state = state.after(taken_back(state, 2))
    assert state.summary == first
    assert change_of(state, 2, str).diff == ("- summary: two", "+ summary: one [T1-2]")


lines = st.sampled_from(["one", "two", "three", "four"])
steps = st.lists(
    st.one_of(
        st.builds(add, lines, st.sampled_from(["human", "persona"])),
        st.builds(
            lambda old, new: MemoryEdit("core_replace", new, (), block="human", old=old),
            lines,
            st.one_of(lines, st.just("")),
        ),
    ),
    max_size=8,
)


@given(steps)
def test_taking_back_all_changes_newest_first_leads_to_the_beginning(steps):
    state = after()
    for step in steps:
        state = turn(state, step)
    for _ in steps:
        state = state.after(taken_back(state, None))

    assert state.core == CORE
    with pytest.raises(UsageError, match="nothing to undo"):
        taken_back(state, None)


def test_a_log_read_again_is_the_state_that_was_written(tmp_path):
    log = SessionLog(tmp_path)
    core = (CoreBlock("human", (CoreLine("Likes “tea”.", ("T1", "D2:p4"), "2026-05-01"),)),)
    for entry in (
        SessionEntry("begun", "2026-05-01T09:00:00", core=CORE),
        SessionEntry("asking", "2026-05-01T09:00:01"),
        SessionEntry("turn", "2026-05-01T09:00:02", message=1, reply=3, memories=(2,), core=core,
                     status="answered", replaced=((1, 2),), cost_usd=0.25),
        SessionEntry("left", "2026-05-01T09:00:03", turns=(1,), summary=Summary("x", ("T1",)),
                     cost_usd=None),
        SessionEntry("asking", "2026-05-01T09:00:04"),
    ):  # fmt: skip
        log.append(entry)

    state = read_session(tmp_path)
    assert state == log.state == SessionLog(tmp_path).state
    assert (state.at_hand, state.messages, state.newest, state.cost_usd) == ((3,), 1, 3, None)
    assert state.asking == "2026-05-01T09:00:04"
    # A line that was torn by a crash is dropped, and what follows is appended in its place.
    path = tmp_path / "session.jsonl"
    path.write_bytes(path.read_bytes()[:-9])
    torn = SessionLog(tmp_path)
    assert torn.state.asking == ""
    torn.append(SessionEntry("said", "2026-05-01T09:00:05", turns=(4,)))
    assert read_session(tmp_path).at_hand == (3, 4)
