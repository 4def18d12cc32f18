from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docpager.core.errors import FunctionError
from docpager.paging.working_memory import WorkingMemory

CAP = 80


def words(text: str) -> int:
    return len(text.split())


def written(*texts: str, cap: int = CAP) -> WorkingMemory:
    memory = WorkingMemory(cap=cap, count=words)
    for text in texts:
        memory, _ = memory.write(text, sources=("D1:c1",), seen=(), replaces=None)
    return memory


def test_notes_are_shown_with_name_and_sources() -> None:
    assert written("paid $41", "in cash").render() == "N1 [D1:c1] paid $41\nN2 [D1:c1] in cash"


def test_the_oldest_notes_are_paged_out_and_the_rest_says_so() -> None:
    memory = written(*("many words " * 12 for _ in range(5)))

    assert memory.resident == (4, 5)
    assert memory.render().endswith("(3 notes are paged out: N1, N2, N3; recall finds them)")
    assert [note.name for note in memory.paged_out] == ["N1", "N2", "N3"]


def test_a_note_paged_in_again_is_the_newest_and_others_make_room() -> None:
    memory = written(*("many words " * 12 for _ in range(5))).page_in(1)

    assert memory.resident == (5, 1)
    assert [note.name for note in memory.shown] == ["N1", "N5"]


def test_a_note_larger_than_its_share_is_refused_with_both_figures() -> None:
    with pytest.raises(FunctionError, match=r"takes 114 tokens, notes may take 80"):
        written("word " * 100)


def test_a_replacing_note_has_a_new_number_and_the_old_one_is_gone() -> None:
    memory = written("first", "second")
    memory, note = memory.write("better", sources=(), seen=(), replaces=1)

    assert note.name == "N3"
    assert memory.render() == "N2 [D1:c1] second\nN3 better"
    with pytest.raises(FunctionError, match="no note N1; notes go up to N3"):
        memory[1]


def test_a_missing_note_cannot_be_replaced_paged_in_or_out() -> None:
    memory = WorkingMemory(cap=CAP, count=words)
    for change in (memory.page_in, memory.page_out):
        with pytest.raises(FunctionError, match="no note N4; no note was written yet"):
            change(4)
    with pytest.raises(FunctionError):
        memory.write("x", sources=(), seen=(), replaces=4)


def test_changing_a_memory_leaves_the_old_one_as_it_was() -> None:
    memory = written("first")
    memory.write("second", sources=(), seen=(), replaces=1)
    memory.page_out(1)

    assert memory.render() == "N1 [D1:c1] first"


def test_a_short_note_paged_out_does_not_push_the_others_over_their_share() -> None:
    memory = written("x", "word " * 60, "word " * 10)
    assert words(memory.render()) <= CAP

    assert words(memory.page_out(1).render()) <= CAP


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("write"), st.integers(1, 70)),
            st.tuples(st.just("replace"), st.integers(1, 12)),
            st.tuples(st.just("in"), st.integers(1, 12)),
            st.tuples(st.just("out"), st.integers(1, 12)),
        ),
        max_size=30,
    )
)
def test_notes_never_take_more_than_their_share_and_none_is_lost(
    changes: list[tuple[str, int]],
) -> None:
    memory = WorkingMemory(cap=CAP, count=words)
    kept: set[int] = set()
    for change, n in changes:
        try:
            match change:
                case "in":
                    memory = memory.page_in(n)
                    assert n in memory.resident
                case "out":
                    memory = memory.page_out(n)
                    assert n not in memory.resident
                case _:
                    replaces = n if change == "replace" else None
                    memory, note = memory.write("word " * n, sources=(), seen=(), replaces=replaces)
                    assert note.number in memory.resident
                    kept = kept - {replaces} | {note.number}
        except FunctionError:
            continue
        assert words(memory.render()) <= CAP
        assert {note.number for note in memory.notes} == kept
