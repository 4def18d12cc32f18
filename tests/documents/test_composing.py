"""A page's text put together line by line is the same as character by character."""

from hypothesis import example, given
from hypothesis import strategies as st

from docpager.documents.pdf.annotations import Additions
from docpager.documents.pdf.composing import composed

RAWS = st.text(alphabet="ab1  \r\n\r\n\u00a0\t.", max_size=60)
TEXTS = st.sampled_from(["", "x", " y", "[1]", " ", "\ufffe", "p\nq"])


def offsets(raw):
    return st.integers(0, max(0, len(raw) - 1))


def lines_by_character(raw, changes):
    """pdfium's lines, found by looking at every character."""
    lines = [[]]
    for at, mark in enumerate(raw):
        if mark not in "\r\n" or at in changes:
            lines[-1].append(at)
        elif mark == "\n" or raw[at + 1 : at + 2] != "\n":
            lines.append([])
    return lines


@st.composite
def pages(draw):
    raw = draw(RAWS.filter(bool))
    changes = draw(st.dictionaries(offsets(raw), TEXTS, max_size=4))
    without = draw(st.frozensets(offsets(raw), max_size=4))
    beside = st.dictionaries(offsets(raw), st.sampled_from(["{", "}\n", "~ "]), max_size=2)
    additions = Additions(draw(beside), draw(beside), draw(st.lists(st.just("a note\nof two"))))
    return raw, changes, without, additions


@given(pages())
@example(("a\r\nb  c\nd", {}, frozenset(), Additions()))
@example(("a\r\nb\r\n  c ", {1: ""}, frozenset(), Additions()))
@example(("a\r\nb\rc", {2: " "}, frozenset({0}), Additions()))
@example(("a\nb\nc", {1: "", 3: "x"}, frozenset({2}), Additions()))
def test_lines_that_nothing_changes_are_taken_as_they_are(page):
    raw, changes, without, additions = page
    parts = {"changes": changes, "without": without, "additions": additions}

    in_lines = composed(raw, order=None, **parts)

    assert in_lines == composed(raw, order=lines_by_character(raw, changes), **parts)
