from __future__ import annotations

from inline_snapshot import snapshot

from docpager.core.passages import PassageRange
from docpager.paging.reading_log import LogEntry
from docpager.paging.working_memory import WorkingMemory
from docpager.run.remembering import MOST_LINES, recall


def memory(*texts: str) -> WorkingMemory:
    notes = WorkingMemory(cap=30, count=lambda text: len(text.split()))
    for text in texts:
        notes, _ = notes.write(text, sources=("D1:c1",), seen=(), replaces=None)
    return notes


def test_notes_that_are_out_come_first_then_those_in_then_the_log() -> None:
    notes = memory("").page_out(1)
    for text in ("Bolt was acquired", "Bolt again"):
        notes, _ = notes.write(text, sources=("D1:c1",), seen=(), replaces=None)
    notes = notes.page_out(2)
    log = [
        LogEntry(1, "search(bolt)", "3 found"),
        LogEntry(2, "page_in(D1:c1)", "", PassageRange(1, 1, 1)),
    ]

    assert "\n".join(recall("Bolt", notes=notes, log=log, resident=())) == snapshot("""\
N2 (paged out; page_in N2) Bolt was acquired
N3 (in main context) Bolt again
step 1 search(bolt): 3 found\
""")


def test_more_shared_words_come_first_and_endings_matter_little() -> None:
    log = [
        LogEntry(1, "search(acquisition price)", "3 found"),
        LogEntry(2, "search(price)", "9 found"),
    ]

    lines = recall("acquisitions price", notes=memory(), log=log, resident=())

    assert [line.split(":")[0] for line in lines] == [
        "step 1 search(acquisition price)",
        "step 2 search(price)",
    ]


def test_a_page_that_left_is_named_never_shown() -> None:
    log = [LogEntry(2, "page_in(D1:c7)", "", PassageRange(1, 7, 7))]

    assert recall("c7", notes=memory(), log=log, resident=()) == [
        "step 2 page_in(D1:c7): read, gone from main context"
    ]


def test_a_page_that_may_leave_with_this_step_is_not_said_to_be_here() -> None:
    passages = PassageRange(1, 7, 8)
    log = [LogEntry(2, "page_in(D1:c7-8)", "", passages)]

    assert recall("c7", notes=memory(), log=log, resident=passages.ids()) == [
        "step 2 page_in(D1:c7-8): read"
    ]
    assert recall("c7", notes=memory(), log=log, resident=passages.ids()[:1]) == [
        "step 2 page_in(D1:c7-8): read, partly gone"
    ]


def test_nothing_shared_is_nothing_recalled_and_much_is_cut() -> None:
    log = [LogEntry(n, f"search(bolt {n})", "none") for n in range(99)]

    assert recall("", notes=memory("x"), log=log, resident=()) == []
    assert recall("zebra", notes=memory("x"), log=log, resident=()) == []
    newest = recall("bolt", notes=memory(), log=log, resident=())
    assert len(newest) == MOST_LINES
    assert newest[0].startswith("step 98")
