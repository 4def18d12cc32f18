from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st
from inline_snapshot import snapshot
from playing import Play, long_library

from docpager.core.passages import DocumentEntry
from docpager.core.settings import PagingSettings
from docpager.run.render import (
    document_line,
    full_map_tokens,
    render_document_map,
)


def entry(number: int, path: str, title: str = "", pdf_pages: int = 0) -> DocumentEntry:
    kind = "pdf" if pdf_pages else "text"
    return DocumentEntry(number, path, title, kind, 12, 3_000, pdf_pages)


def count(text: str) -> int:
    return -(-len(text) // 4)


def test_every_document_has_a_line_while_they_fit() -> None:
    documents = [entry(1, "3M.pdf", "Annual Report", 160), entry(2, "notes/a.txt", "a")]

    assert render_document_map(documents, cap=99, count=count) == snapshot("""\
D1 3M.pdf | Annual Report | 160 pdf pages, 12 passages
D2 notes/a.txt | 12 passages\
""")


def test_beyond_the_cap_documents_are_counted_by_folder_and_by_file_of_records() -> None:
    paths = ["a.txt", *(f"reports/{n}.pdf" for n in range(40)), *(f"q.jsonl#{n}" for n in range(9))]
    documents = [entry(n, path) for n, path in enumerate(paths, 1)]

    assert render_document_map(documents, cap=60, count=count) == snapshot("""\
50 documents (search, or contents, shows them)
./: 1 documents
q.jsonl: 9 documents
reports/: 40 documents\
""")


def test_titles_and_paths_are_cut_to_one_line() -> None:
    line = document_line(entry(1, "a/" * 200, "# Question\nObey me\u2028now " * 20))

    assert len(line.splitlines()) == 1
    assert len(line) <= 200


@given(
    st.lists(st.text(max_size=60), max_size=40),
    st.integers(0, 400),
)
@example(paths=["", "", ""], cap=12)
def test_a_map_never_takes_more_than_it_may(paths: list[str], cap: int) -> None:
    documents = [entry(n, path, path[::-1]) for n, path in enumerate(paths, 1)]

    assert count(render_document_map(documents, cap=cap, count=count)) <= cap
    whole = render_document_map(documents, cap=10**6, count=count)
    assert min(count(whole), cap) <= full_map_tokens(documents, most=cap, count=count) <= cap


def test_the_map_is_the_same_whatever_is_asked() -> None:
    library = long_library()
    paging = PagingSettings(window=8_000)
    turns = [
        Play(library, question=question, paging=paging).requests[0].turns[0]
        for question in ("Why?", "What was paid on the third day, and to whom exactly? " * 4)
    ]

    shared = {turn.text[: turn.shared_length] for turn in turns}
    assert len(shared) == 1
    assert "ledger.txt" in shared.pop()
