"""Words looked up one by one are the tokens that the tokenizer gives for a whole text."""

import re
from unittest import mock

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from docpager.archive.embedders import wordllama_embedder
from docpager.archive.embedders.wordllama_embedder import WordllamaEmbedder

WORDS = [
    "Net",
    "revenue",
    "of",
    "$1,577.00",
    "rose",
    "10-K",
    "TAXES",
    "naïve",
    "中文",
    "😀",
    "\u0301",
    "aaaaaaaaa",
    "-=-=-=-=====",
    "<0x0A>",
    "...",
    "\u0120",
]
BETWEEN = [
    " ",
    "  ",
    "\n",
    "\n\n",
    " \n ",
    "\t",
    "\r\n",
    "\xa0",
    "\u2581",
    "<s>",
    "</s>",
    "<unk>",
    "<",
]


@pytest.fixture(scope="module", params=["joined here", "by the tokenizer"])
def embedder(request):
    few = 10**9 if request.param == "joined here" else 0
    with mock.patch.object(wordllama_embedder, "_FEW_WORDS", few):
        return WordllamaEmbedder()


def tokens_of_tokenizer(embedder, text):
    return embedder._tokens._tokenizer.encode(text, add_special_tokens=False).ids


@settings(max_examples=500, deadline=None)
@given(st.one_of(st.lists(st.sampled_from(WORDS + BETWEEN)).map("".join), st.text()))
@example("")
@example(" ")
@example("\u2581 \u2581")
def test_any_text_has_the_tokenizers_own_tokens(embedder, text):
    assert embedder._tokens.of_text(text) == tokens_of_tokenizer(embedder, text)


def test_many_words_are_left_to_the_tokenizer():
    with mock.patch.object(wordllama_embedder, "_FEW_WORDS", 2):
        tokens = WordllamaEmbedder()._tokens
        assert tokens.of_text("one two")
        assert "_tokenizer" not in vars(tokens)
        assert tokens.of_text("three four")
        assert "_tokenizer" in vars(tokens)
        assert "_pairs" not in vars(tokens)


def test_a_vector_does_not_depend_on_how_many_were_made_before():
    texts = ["Net revenue rose to $1,577.00", "naïve \u4e2d\u6587", ""]
    few = WordllamaEmbedder()
    vectors = few.embed_passages(texts)
    with mock.patch.object(wordllama_embedder, "_FEW_TEXTS", 0):
        many = WordllamaEmbedder()
        assert (vectors == many.embed_passages(texts)).all()
    assert (few._weights.dtype, many._weights.dtype) == ("float16", "float32")


def test_a_full_memory_begins_anew():
    with mock.patch.object(wordllama_embedder, "_KNOWN_WORDS", 3):
        embedder = WordllamaEmbedder()
        text = "one two three four five one two " * 3

        assert embedder._tokens.of_text(text) == tokens_of_tokenizer(embedder, text)
        assert len(embedder._tokens) <= 3


def test_rows_of_words_in_capitals_are_those_that_begin_and_end_a_word():
    plain = re.compile(r"\b[A-ZÀ-ÖØ-ÞΑ-ΩА-ЯЁ]+\b(?:\W+[A-ZÀ-ÖØ-ÞΑ-ΩА-ЯЁ]+\b){3,}")

    @settings(max_examples=500)
    @given(st.lists(st.sampled_from(["A", "THE", "ÄRA", "x", "1", "_", "It", " ", ", ", "\n"])))
    def holds(parts):
        text = "".join(parts)
        found = wordllama_embedder._SHOUTED.finditer(text)
        assert [match.span() for match in found] == [m.span() for m in plain.finditer(text)]

    holds()
