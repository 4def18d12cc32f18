"""Core memory: named blocks within a share, edited line by line, each with its sources."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docpager.core.errors import FunctionError
from docpager.paging.conversation import (
    CoreBlock,
    CoreLine,
    CoreMemory,
    MemoryEdit,
    render_core,
    with_documents,
)


def memory(*lines: str, cap: int = 1_000) -> CoreMemory:
    block = CoreBlock("human", tuple(CoreLine(line, ("T1",)) for line in lines))
    return CoreMemory([block, CoreBlock("persona")], cap=cap, count=len)


def append(text: str, block: str = "human") -> MemoryEdit:
    return MemoryEdit("core_append", text, ("T9",), block=block)


def replace(old: str, new: str) -> MemoryEdit:
    return MemoryEdit("core_replace", new, ("T9",), block="human", old=old)


def test_a_line_is_added_with_its_sources_and_day():
    changed = memory("Likes tea.").apply(append("Has a\n dog."), when="2026-05-01")

    assert changed.blocks[0].lines[1] == CoreLine("Has a dog.", ("T9",), "2026-05-01")
    assert render_core(changed.blocks) == [
        "human:", "  - Likes tea. [T1]", "  - Has a dog. [T9]", "persona: (empty)"]  # fmt: skip


def test_a_part_of_a_line_is_corrected_and_keeps_what_it_came_from():
    changed = memory("Lives in Graz, likes tea.").apply(replace("Graz", "Linz"))

    assert changed.blocks[0].lines == (CoreLine("Lives in Linz, likes tea.", ("T1", "T9")),)


def test_a_whole_line_that_is_replaced_comes_from_the_new_source_alone():
    assert memory("In Graz.").apply(replace("In Graz.", "In Linz.")).blocks[0].lines == (
        CoreLine("In Linz.", ("T9",)),
    )


def test_a_line_is_taken_out():
    assert memory("Likes tea.", "x").apply(replace("Likes tea.", "")).blocks[0].lines == (
        CoreLine("x", ("T1",)),
    )


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (append("x", block="other"), "no block 'other'; it has human, persona"),
        (append("  "), "needs a text"),
        (append("Likes  tea."), "that stands in block .human. already"),
        (replace("coffee", "x"), "'coffee' does not stand in block 'human'"),
        (replace("tea", "x"), "'tea' stands more than once"),
        (replace("", "x"), "does not stand"),
        (append("x" * 90), "core memory may take 100 tokens of the window; it takes"),
    ],
)
def test_what_the_model_must_write_otherwise_is_refused(edit, said):
    with pytest.raises(FunctionError, match=said):
        memory("Likes tea.", "Drinks tea.", cap=100).apply(edit)


def test_core_memory_that_is_too_large_for_a_smaller_window_can_be_made_smaller():
    large = memory("a" * 300, "b", cap=100)

    assert large.apply(replace("a" * 300, "a" * 250)).blocks[0].lines[0].text == "a" * 250
    with pytest.raises(FunctionError, match="may take 100 tokens"):
        large.apply(append("c"))


words = st.text("abc \n", min_size=0, max_size=30)
edits = st.lists(
    st.one_of(
        st.builds(append, words),
        st.builds(replace, words, words),
    ),
    max_size=12,
)


@given(edits)
def test_no_edit_makes_core_memory_larger_than_its_share(edits):
    core = memory("Likes tea.", cap=120)
    for edit in edits:
        try:
            core = core.apply(edit)
        except FunctionError:
            continue
        assert core.tokens <= 120
        assert all(line.text and "\n" not in line.text for b in core.blocks for line in b.lines)


def test_documents_that_were_met_are_named_beside_what_the_model_named():
    assert with_documents(("T1", "D2:c4"), {2, 7}) == ("T1", "D2:c4", "D7")
