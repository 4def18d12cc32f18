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


@pytest.fixture(scope="module")
def embedder():
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
