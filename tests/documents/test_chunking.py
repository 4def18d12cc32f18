"""Passages tile their document, stay small, and end where a reader would pause."""

import json
import random
import time
import uuid

from hypothesis import given, settings
from hypothesis import strategies as st

from docpager.core.tokens import BuiltInEstimator
from docpager.documents.chunking import LARGEST_PASSAGE, PASSAGE_TOKENS, cut, passages_of
from docpager.documents.document import Document, PdfPage

ESTIMATOR = BuiltInEstimator()
WORDS = st.sampled_from(
    ["revenue", "in 2018", "$1,234", "\n", "\n\n", ". The", ", ", '", "', "}, {", "中文", "é", "😀"]
)
TEXTS = st.one_of(
    st.text(max_size=200),
    st.lists(WORDS, max_size=60).map(" ".join).map(lambda text: text * 40),
    st.text(min_size=1, max_size=8).map(lambda text: text * 3_000),
)


def pieces_of(text):
    return [text[piece.start : piece.end] for piece in cut(text)]


@settings(max_examples=150, deadline=None)
@given(TEXTS)
def test_passages_tile_the_text_and_none_is_too_large(text):
    cuts = cut(text)

    assert "".join(pieces_of(text)) == text
    assert all(piece.end > piece.start for piece in cuts)
    assert all(0 < piece.tokens <= LARGEST_PASSAGE for piece in cuts)
    assert [piece.tokens for piece in cuts] == [ESTIMATOR.count(part) for part in pieces_of(text)]


@settings(max_examples=20, deadline=None)
@given(TEXTS)
def test_the_same_text_is_cut_in_the_same_places(text):
    assert cut(text) == cut(text)


def test_an_empty_text_has_no_passages():
    assert cut("") == ()


def test_a_short_text_is_one_passage():
    assert pieces_of("Net sales rose.\n") == ["Net sales rose.\n"]


def test_prose_is_cut_into_passages_of_about_300_tokens():
    text = "The company sells tape, and glue. It also makes paper for notes.\n" * 400
    sizes = [piece.tokens for piece in cut(text)][:-1]

    assert 0.85 * PASSAGE_TOKENS < sum(sizes) / len(sizes) <= PASSAGE_TOKENS + 5


def test_cuts_prefer_a_blank_line_to_a_line_end():
    paragraph = "Some words that fill a line of this paragraph.\n" * 8
    pieces = pieces_of((paragraph + "\n") * 12)

    assert len(pieces) > 2
    assert all(piece.endswith("\n\n") for piece in pieces)


def test_cuts_prefer_line_ends_to_sentence_ends():
    pieces = pieces_of("One sentence. Another sentence without\nan end of line. " * 200)

    assert all(piece.endswith("without\n") for piece in pieces[:-1])


def test_a_json_object_on_one_line_is_cut_between_its_entries():
    chance = random.Random(7)
    names = [str(uuid.UUID(int=chance.getrandbits(128))) for _ in range(600)]
    text = json.dumps(dict(zip(names[::2], names[1::2], strict=True)))

    pieces = pieces_of(text)

    assert len(pieces) > 20
    assert all(piece.endswith('", ') for piece in pieces[:-1])
    assert all(piece.startswith('"') for piece in pieces[1:])
    assert all(piece.count('": "') * 4 == piece.count('"') for piece in pieces)


def test_json_rows_on_one_line_are_cut_between_rows():
    rows = [{"id": n, "name": f"customer {n}", "open": n % 2 == 0} for n in range(300)]
    pieces = pieces_of(json.dumps(rows))

    assert all(piece.endswith("}, ") for piece in pieces[:-1])


def test_a_line_of_prose_is_cut_after_sentences():
    pieces = pieces_of("The first half ended well. The second half did not. " * 200)

    assert all(piece.endswith(". ") for piece in pieces)


def test_text_without_sentences_is_cut_between_words():
    pieces = pieces_of("lorem ipsum dolor " * 500)

    assert all(piece.endswith(" ") for piece in pieces)


def test_a_character_with_its_accents_is_not_split():
    pieces = pieces_of("e\u0301\u0323" * 1_000 + "👍🏽" * 1_000)

    assert len(pieces) > 5
    assert all(piece[0] in "e👍" for piece in pieces)


def test_the_last_passage_is_no_crumb():
    text = "word " * 340
    sizes = [piece.tokens for piece in cut(text)]

    assert len(sizes) == 2
    assert min(sizes) > 100


def test_megabytes_on_one_line_are_cut_in_linear_time():
    started = time.perf_counter()
    cuts = cut("k" * 1_000_000) + cut("\u0301" * 200_000) + cut('{"a":1}' * 60_000)

    assert all(piece.tokens <= LARGEST_PASSAGE for piece in cuts)
    assert time.perf_counter() - started < 20


def document_of(page_texts):
    pages, start = [], 0
    for number, text in enumerate(page_texts, start=1):
        pages.append(PdfPage(number, str(number), start, start + len(text)))
        start += len(text)
    return Document("a.pdf", "0" * 64, "a", "pdf", "".join(page_texts), tuple(pages))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 90).map(lambda n: "Revenue rose again.\n" * n), max_size=8))
def test_every_character_is_on_the_pdf_page_it_came_from(page_texts):
    document = document_of(page_texts)
    passages = passages_of(document, cut(document.text), 3)
    expected = [n for n, text in enumerate(page_texts, start=1) for _ in text]
    found = [p.pdf_page_at(offset) for p in passages for offset in range(len(p.text))]

    assert found == expected
    assert "".join(passage.text for passage in passages) == document.text
    assert [str(p.id) for p in passages] == [f"D3:c{n}" for n in range(1, len(passages) + 1)]
    begun = [page for passage in passages for _, page in passage.page_starts]
    assert begun == [n for n, text in enumerate(page_texts, start=1) if text]


def test_a_text_without_pdf_pages_has_passages_without_them():
    document = Document("a.txt", "0" * 64, "a", "text", "Some words.")
    (passage,) = passages_of(document, cut(document.text), 1)

    assert passage.pdf_pages is None
    assert passage.page_starts == ()
