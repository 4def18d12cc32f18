from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from inline_snapshot import snapshot
from resident_pages import pid

from docpager.core.passages import PassageRange
from docpager.paging.reading_log import LogEntry, ReadingLog


def words(text: str) -> int:
    return len(text.split())


def log_of(*entries: LogEntry) -> ReadingLog:
    log = ReadingLog()
    for entry in entries:
        log.add(entry)
    return log


def test_the_newest_lines_come_first_and_say_where_pages_are_now() -> None:
    log = log_of(
        LogEntry(1, "search(revenue)", "12 found, seen D1:c2"),
        LogEntry(2, "page_in(D1:c1)", "", PassageRange(1, 1, 1)),
        LogEntry(3, "page_in(D1:c2-3)", "", PassageRange(1, 2, 3)),
        LogEntry(4, "page_in(D1:c9)", "", PassageRange(1, 9, 9)),
    )

    rendered = log.render(cap=99, count=words, resident={pid(1), pid(2)})

    assert rendered == snapshot("""\
4 page_in(D1:c9): read, gone from main context
3 page_in(D1:c2-3): read, partly gone
2 page_in(D1:c1): read, in main context
1 search(revenue): 12 found, seen D1:c2\
""")


def test_a_line_is_one_line_of_at_most_120_characters() -> None:
    line = LogEntry(1, "search(" + "a\nb " * 100 + ")", "1 found").line(())

    assert "\n" not in line
    assert len(line) == 120


@given(st.lists(st.text(max_size=40), max_size=20), st.integers(0, 60))
def test_a_log_never_takes_more_than_it_may_and_drops_its_oldest_lines(
    calls: list[str], cap: int
) -> None:
    log = log_of(*(LogEntry(n, each, "done") for n, each in enumerate(calls)))

    def count(text: str) -> int:
        return -(-len(text) // 4)

    lines = log.render(cap=cap, count=count, resident=()).splitlines()

    assert count("\n".join(lines)) <= cap
    steps = [int(line.split()[0]) for line in lines]
    assert steps == list(range(len(calls) - 1, len(calls) - 1 - len(steps), -1))
