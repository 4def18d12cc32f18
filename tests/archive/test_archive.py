"""What a reader finds: addresses, text, search, grep."""

from __future__ import annotations

import os
import re
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from make_pdf import make_pdf
from page_pdf import page_pdf, text_at

from docpager.archive.archive import Archive
from docpager.core.errors import ArchiveError, UsageError
from docpager.core.locators import parse_locator
from docpager.testing import HashingEmbedder

WORDS = ["revenue", "cost", "margin", "plant", "river", "winter", "copper", "signal"]
LONG = "\n".join(
    f"Line {n}: the {WORDS[n % 8]} of {WORDS[n * 3 % 7]} rose by {n * 37} in {1990 + n % 30}."
    for n in range(400)
)

# The archive only reads, so that one serves every example.
SLOW_START = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=50
)


@pytest.fixture
def archive(workshop):
    pages = [
        "The first page speaks of copper.",
        "",
        "The third page speaks of tin and " + LONG[:900],
    ]
    pdf = make_pdf(pages, labels=["i", "ii", "1"], title="Metals")
    (workshop.files / "a.pdf").write_bytes(pdf)
    workshop.write(
        b_txt=LONG, c_md="# Top\n\nIntro.\n\n## Costs\n\nThe costs.\n\n## Gains\n\nNone.\n"
    )
    workshop.ingest()
    return workshop.open()


def test_documents_are_known_by_id(archive):
    entry = archive.document(1)

    assert (entry.name, entry.path, entry.title) == ("D1", "a.pdf", "Metals")
    assert (entry.kind, entry.pdf_pages, entry.unreadable_pdf_pages) == ("pdf", 3, (2,))
    assert list(archive.page_labels(1)) == ["i", "ii", "1"]
    assert [section.title for section in archive.sections(3)] == ["Top", "Costs", "Gains"]
    assert len(archive.sha256(2)) == 64


def test_passages_joined_are_the_text(archive):
    passages = archive.load(parse_locator("D2"))

    assert "".join(passage.text for passage in passages) == LONG == archive.text(2)
    assert all(before.end == after.start for before, after in pairwise(passages))


@given(start=st.integers(-5, 25_000), length=st.integers(0, 9_000))
@SLOW_START
def test_text_is_sliced_by_offset(archive, start, length):
    first = max(0, start)

    assert archive.text(2, start, first + length) == LONG[first : first + length]
    assert archive.text(2, start) == LONG[first:]


@pytest.mark.parametrize(
    ("locator", "said"),
    [
        ("D9", "no document D9; the archive has 3 documents, D1 to D3"),
        ("D1:p9", "no PDF page D1:p9; D1 a.pdf has PDF pages p1 to p3"),
        ("D1:p2", r"D1:p2 has no text that could be read \("),
        ("D2:p1", "D2 b.txt has no PDF pages; use passages, D2:c1 to"),
        ("D2:c999", "no passage D2:c999; D2 b.txt has passages c1 to"),
        ("D2:s1", "no section D2:s1; D2 b.txt has no outline"),
        ("D3:s1.7", "no section D3:s1.7; D3 c.md has s1.1 to s1.2"),
        ("D3:s4", "no section D3:s4; D3 c.md has s1$"),
        ("N1", "N1 is a note of a run"),
    ],
)
def test_a_locator_that_names_nothing_is_explained(archive, locator, said):
    with pytest.raises(UsageError, match=said):
        archive.resolve(parse_locator(locator))


def test_every_locator_resolves_to_what_it_names(archive):
    third = archive.load(parse_locator("D1:p3"))
    costs = archive.load(parse_locator("D3:s1.1"))

    assert "tin" in "".join(passage.text for passage in third)
    assert third[-1].pdf_page_at(len(third[-1].text) - 1) == 3
    assert "The costs." in "".join(passage.text for passage in costs)
    assert str(archive.resolve(parse_locator("D2:c2-3"))) == "D2:c2-3"
    assert archive.resolve(parse_locator("D2")).first == 1


@pytest.mark.parametrize("query", ["revenue of copper", "1480 winter", "the", "tin and costs"])
@pytest.mark.parametrize("size", [1, 3, 10])
def test_pages_enumerate_the_whole_list_without_repeats(archive, query, size):
    first = archive.search(query, page_size=size)
    pages = [archive.search(query, page=n, page_size=size) for n in range(1, first.pages + 2)]
    found = [hit.passage for page in pages for hit in page.hits]

    assert len(found) == len(set(found)) == first.total
    assert found == [hit.passage for hit in archive.search(query, page_size=1000).hits]
    words = [hit for page in pages for hit in page.hits if hit.by in ("words", "both")]
    assert len(words) == first.by_words


def test_words_are_counted_as_a_reader_would(archive):
    holding = [
        passage.id
        for entry in archive.documents()
        for passage in archive.load(parse_locator(entry.name))
        if re.search(r"\bcopper\b", passage.text, re.IGNORECASE)
    ]

    assert archive.search("copper").by_words == len(holding)


def test_a_search_stays_in_the_documents_asked_for(archive):
    found = archive.search("copper", documents=[1], page_size=50)

    assert {hit.passage.document for hit in found.hits} == {1}
    assert archive.search("copper", documents=[]).total == 0
    assert found.hits[0].pdf_page == 1


def test_equal_passages_stand_in_reading_order(workshop):
    lines = [f'{{"title": "T", "text": "the same words", "n": {n}}}' for n in range(1300)]
    workshop.write(r_jsonl="\n".join(lines))
    workshop.ingest()
    archive = workshop.open()

    found = [archive.search("same words", page=n, page_size=650).hits for n in (1, 2)]

    ids = [hit.passage.document for hits in found for hit in hits]
    assert sorted(ids) == list(range(1, 1301))
    # Meaning contributes the first 200, words the first 1000; both are the first by id.
    assert ids == list(range(1, 1301))


def test_a_question_is_never_query_syntax(archive):
    for query in ['body:"x" AND (', "copper^2 -tin", "[1 TO", "*", "+-+", "\\", "a:b~"]:
        archive.search(query)


def test_an_empty_question_is_wrong_usage(archive):
    with pytest.raises(UsageError, match="nothing to search for"):
        archive.search("  ")


PATTERNS = [
    r"Line \d+",
    r"\d{4}\.",
    r"rose by",
    r"(copper|tin)",
    r"[a-z]+ of [a-z]+",
    r"\.\nLine 1",
    r"^Line 7",
    r"1$",
    r"in \d+\.\nLine \d+: the \w+ of",
    r"(?i)THE river",
    r"(?s)rose.{990}",
]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_grep_finds_what_python_finds_in_the_whole_text(archive, pattern):
    passages = archive.load(parse_locator("D2"))
    spans = [match.start() for match in re.finditer(pattern, LONG, re.MULTILINE)]
    expected = [p.ordinal for p in passages if any(p.start <= s < p.end for s in spans)]

    found = archive.grep(pattern, documents=[2], page_size=1000)

    assert [hit.passage.ordinal for hit in found.hits] == expected
    assert (found.total, found.matches) == (len(expected), len(spans))


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40
)
@given(st.integers(0, len(LONG) - 60), st.integers(3, 50))
def test_grep_finds_any_stretch_across_borders(archive, start, length):
    stretch = LONG[start : start + length]

    found = archive.grep(re.escape(stretch), documents=[2], page_size=1000)

    spans = [match.start() for match in re.finditer(re.escape(stretch), LONG)]
    assert found.matches == len(spans)


def test_a_space_in_a_pattern_stands_for_any_whitespace(workshop):
    workshop.write(a_txt="net\n  sales\tof  goods [a b]")
    workshop.ingest()
    archive = workshop.open()

    assert archive.grep("net sales of goods").total == 1
    assert archive.grep("net *sales").total == 0
    assert archive.grep(r"\[a[ ]b\]").total == 1


def test_a_match_shows_its_record_and_page(archive, workshop):
    workshop.write(k_json='{"k1": "v1", "k2": "v2"}')
    workshop.ingest()

    assert workshop.open().grep("k2").hits[0].snippet == '"k2": "v2"'
    assert archive.grep("tin").hits[0].pdf_page == 3


def test_a_bad_pattern_is_one_sentence(archive):
    with pytest.raises(UsageError, match=r"'\(x' is not a valid RE2 pattern \(missing \)\); put a"):
        archive.grep("(x")
    with pytest.raises(UsageError, match="is not a valid RE2 pattern"):
        archive.grep(r"(a)\1")


def test_empty_matches_do_not_count(archive):
    assert archive.grep("x*zzz*|q?").total == archive.grep("q").total


def test_marks_in_the_text_do_not_confuse_grep(workshop):
    text = "before \ufdd0 found \ufdd1 after found"
    workshop.write(a_txt=text)
    workshop.ingest()

    assert workshop.open().grep("found").matches == 2


def test_documents_are_chosen_by_name(archive):
    assert archive.documents_named(["D2", "c.md"]) == [2, 3]
    assert archive.documents_named(["*.pdf"]) == [1]
    with pytest.raises(UsageError, match=r"no document 'x.pdf'; give D3"):
        archive.documents_named(["x.pdf"])


def test_threads_find_the_same(archive):
    queries = ["revenue of copper", "winter signal", "1480", "tin"] * 10
    alone = [archive.search(query) for query in queries]

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(archive.search, queries)) == alone


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_an_archive_that_cannot_be_written_can_be_read(archive, workshop):
    for path in [*workshop.directory.rglob("*"), workshop.directory]:
        path.chmod(0o555 if path.is_dir() else 0o444)

    assert workshop.open().search("copper") == archive.search("copper")

    for path in [workshop.directory, *workshop.directory.rglob("*")]:
        path.chmod(0o755)


def test_status_counts(archive):
    status = archive.status()

    assert (status.documents, status.segments, status.generation) == (3, 1, 1)
    assert status.unreadable_pdf_pages == 1
    assert status.passages == sum(entry.passages for entry in archive.documents())


def test_an_archive_of_an_unknown_embedder_says_the_way_out(workshop):
    class Strange(HashingEmbedder):
        name = "strange"

    workshop.write(a_txt="one")
    from docpager.archive.ingest import ingest

    ingest([workshop.files], workshop.directory, embedder=Strange())

    with pytest.raises(ArchiveError, match="built with embedder 'strange', which is not installed"):
        Archive.open(workshop.directory).search("one")
    with pytest.raises(ArchiveError, match="not 'hashing'; open it with that one"):
        workshop.open()


def test_a_page_keeps_the_rules_that_changed_it(workshop):
    white = f"1 g {text_at(72, 650, 'The fee is 470 crowns.')} 0 g\n"
    shown = text_at(72, 700, "The fee is 320 crowns.")
    (workshop.files / "a.pdf").write_bytes(page_pdf(shown + white, shown))
    workshop.ingest()

    first, second = workshop.open().pdf_pages(1)

    assert (first.notes, second.notes) == (("hidden text left out",), ())
