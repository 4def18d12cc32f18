"""A pattern is found wherever it matches: across lines, passages and PDF pages."""

from __future__ import annotations

import re
from bisect import bisect_right
from pathlib import Path
from random import Random

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from make_pdf import make_pdf

from docpager.archive.archive import Archive
from docpager.archive.ingest import ingest
from docpager.core.errors import UsageError
from docpager.core.locators import parse_locator
from docpager.testing import HashingEmbedder

WORDS = ["revenue", "of", "copper", "rose", "to", "1,577", "plant", "(see", "note", "12)"]
PAGES = [
    "\n".join(
        f"{page}.{line} " + " ".join(WORDS[(line * k + page) % 10] for k in range(2, 4 + line % 5))
        for line in range(5 + page % 23)
    )
    for page in range(60)
]


class Pages:
    """An archive of one PDF, and its text with the page of every offset."""

    def __init__(self, home: Path) -> None:
        (home / "files").mkdir()
        (home / "files" / "a.pdf").write_bytes(make_pdf(PAGES))
        ingest([home / "files"], home / "archive", embedder=HashingEmbedder())
        self.archive = Archive.open(home / "archive", embedder=HashingEmbedder())
        self.text = self.archive.text(1)
        self.passages = self.archive.load(parse_locator("D1"))
        self.page_starts = [self.text.index(f"{page}.0 ") for page in range(60)]
        self.borders = [p.start for p in self.passages[1:]] + self.page_starts[1:]

    def page_of(self, offset: int) -> int:
        return sum(start <= offset for start in self.page_starts)

    def ordinal_of(self, offset: int) -> int:
        return sum(passage.start <= offset for passage in self.passages)


@pytest.fixture(scope="module")
def pages(tmp_path_factory) -> Pages:
    return Pages(tmp_path_factory.mktemp("pages"))


def stretch(pages: Pages, data: st.DataObject) -> str:
    border = data.draw(st.sampled_from(pages.borders))
    start = max(0, border - data.draw(st.integers(0, 60)))
    found = pages.text[start : border + data.draw(st.integers(1, 60))].strip()
    assume(len(found) > 2)
    return found


@given(st.data())
@settings(max_examples=120, deadline=None)
def test_every_stretch_across_a_border_is_found_on_its_page(pages, data):
    wanted = stretch(pages, data)

    found = pages.archive.grep(re.escape(wanted), page_size=1000)

    starts = [match.start() for match in re.finditer(re.escape(wanted), pages.text)]
    assert found.matches == len(starts) > 0
    firsts = {pages.ordinal_of(start): start for start in reversed(starts)}
    assert [hit.passage.ordinal for hit in found.hits] == sorted(firsts)
    assert [hit.pdf_page for hit in found.hits] == [
        pages.page_of(firsts[ordinal]) for ordinal in sorted(firsts)
    ]


@given(st.data())
@settings(max_examples=80, deadline=None)
def test_words_are_found_however_lines_passages_and_pages_part_them(pages, data):
    words = stretch(pages, data).split()
    pattern = " ".join(re.escape(word) for word in words)

    found = pages.archive.grep(pattern, page_size=1000)

    expected = re.findall(r"\s+".join(re.escape(word) for word in words), pages.text)
    assert found.matches == len(expected) > 0


def test_pages_begin_within_passages_and_passages_within_pages(pages):
    starts = {passage.start for passage in pages.passages}

    assert len(pages.passages) > 20
    assert any(start not in starts for start in pages.page_starts)
    assert any(start not in pages.page_starts for start in starts)


PIECES = ["a", "b", "ab ", "公司", "支付", "😀", "é", "\n", " ", "12", "，", "\ufdd0", "\ufdd1x"]
PATTERNS = [
    "a", "公司", "公司 支付", "😀+", "^a", "a$", r"\b12\b", r"\Bb", "[é公]", "(a|b)+", "(?i)AB",
    "aa", "，", "\ufdd0", "(?s)a.{50,90}b", r"\A\d", "x*", "支付12",
]  # fmt: skip


class Scripts:
    """An archive of documents in several scripts, short and long, and their texts by id."""

    def __init__(self, home: Path) -> None:
        (home / "files").mkdir()
        random = Random(7)
        for number, pieces in enumerate((3, 40, 9_000, 60, 3_000, 500)):
            text = f"{number} {''.join(random.choices(PIECES, k=pieces))}."
            (home / "files" / f"{number}.txt").write_text(text, "utf-8")
        every = "".join(chr(0xFDD0 + n) for n in range(32))
        (home / "files" / "every.txt").write_text(f"{every} a 12 b aab {every} 公司 aab", "utf-8")
        ingest([home / "files"], home / "archive", embedder=HashingEmbedder())
        self.archive = Archive.open(home / "archive", embedder=HashingEmbedder())
        self.texts = {each.id: self.archive.text(each.id) for each in self.archive.documents()}
        self.starts = {
            each.id: [p.start for p in self.archive.load(parse_locator(each.name))]
            for each in self.archive.documents()
        }


@pytest.fixture(scope="module")
def scripts(tmp_path_factory) -> Scripts:
    return Scripts(tmp_path_factory.mktemp("scripts"))


@pytest.mark.parametrize("pattern", PATTERNS)
@given(documents=st.none() | st.sets(st.integers(1, 7)))
@settings(max_examples=3, deadline=None)
def test_matches_are_those_of_each_text_by_itself(scripts, pattern, documents):
    found = scripts.archive.grep(pattern, documents=documents, page_size=10_000)

    expected = []
    for number, text in scripts.texts.items():
        if documents is None or number in documents:
            meant = pattern.replace(" ", r"\s+").replace("公司", "公\n?司")
            compiled = re.compile(meant.replace("支付", "支\n?付"), re.MULTILINE)
            starts = [match.start() for match in compiled.finditer(text) if match[0]]
            expected += [(number, bisect_right(scripts.starts[number], start)) for start in starts]
    assert found.matches == len(expected)
    assert [hit.passage for hit in found.hits] == sorted(set(expected))


LETTERS = ["a", "Z", "ü", "Ø", "я", "ا", "京", "1", "٣", "_", " ", " ", "-", "\n", "’"]
BORDERED = [
    r"\bü", r"ü\b", r"\b\w+\b", r"\Bя", r"я\B", r"\bØ\w*\b", r"(\b|-)a", r"\b(ü|üя)\b", r"\b\d\b",
    r"[^\W\d_]+", r"[\W_]a", r"\w-\w", r"\W\w", r"[\w-]+", r"\D", r"(?i)\bÜ", r"\bя.*\bا",
    r"[\d_]+\b", r"\b\b1",
]  # fmt: skip


@pytest.fixture(scope="module")
def letters(tmp_path_factory) -> Archive:
    home = tmp_path_factory.mktemp("letters")
    (home / "files").mkdir()
    random = Random(5)
    for number in range(120):
        # A fifth in ASCII alone: these are RE2's, the others are not.
        pieces = [piece for piece in LETTERS if number % 5 or piece.isascii()]
        text = f"{number} {''.join(random.choices(pieces, k=random.randrange(1, 60)))}."
        (home / "files" / f"{number}.txt").write_text(text, "utf-8")
    ingest([home / "files"], home / "archive", embedder=HashingEmbedder())
    return Archive.open(home / "archive", embedder=HashingEmbedder())


@pytest.mark.parametrize("pattern", BORDERED)
def test_borders_and_kinds_of_letters_are_those_of_unicode(letters, pattern):
    found = letters.grep(pattern, page_size=10_000)

    expected = {}
    for each in letters.documents():
        matches = [m for m in re.finditer(pattern, letters.text(each.id), re.MULTILINE) if m[0]]
        if matches:
            expected[each.id] = len(matches)
    assert found.matches == sum(expected.values()) > 0
    assert [hit.passage.document for hit in found.hits] == sorted(expected)


def test_a_line_end_within_a_script_without_spaces_is_nothing(workshop):
    workshop.write(a_txt="应当支付赔偿\n  金。下一行", b_txt="赔偿\n\n金", c_txt="ค่าเสีย\nหาย")
    workshop.ingest()
    archive = workshop.open()

    assert [hit.passage.document for hit in archive.grep("赔偿金").hits] == [1]
    assert archive.grep("支付.{0,9}偿金").matches == 1
    assert archive.grep("เสียหาย").matches == 1
    assert archive.grep(r"\Q赔偿金\E").matches == 0


def test_whole_words_are_found_in_any_script(workshop):
    workshop.write(a_txt="Die Ärzte und l’Île: Überfluss, Öl", b_txt="Überflussöl, naïf ½")
    workshop.ingest()
    archive = workshop.open()

    assert archive.grep(r"\bÜberfluss\b").matches == 1
    assert archive.grep(r"\bÎle\b").matches == 1
    assert archive.grep(r"\bna\b").matches == 0
    assert archive.grep(r"\x{d6}l\b").matches == 1


@pytest.mark.slow
def test_a_pattern_that_takes_too_long_is_refused(workshop):
    workshop.write(a_txt=f"é {'a' * 60}! ab")
    workshop.ingest()

    with pytest.raises(UsageError, match="takes more than"):
        workshop.open().grep(r"\b(?:a|aa)+b")


def test_a_pattern_that_only_re2_knows_is_refused_beside_borders(workshop):
    workshop.write(a_txt="é")
    workshop.ingest()

    with pytest.raises(UsageError, match=r"leave them out"):
        workshop.open().grep(r"(?U)\bé+")
