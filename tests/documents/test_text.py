"""Text, Markdown and JSONL become documents with sections, titles and named problems."""

import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docpager.core.errors import DocumentError
from docpager.documents.encodings import decode_text
from docpager.documents.text import read_jsonl, read_markdown, read_text


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from("\n\t")))
def test_utf8_text_is_read_as_it_stands(text):
    assert read_text(text.encode(), "a/b.txt").text == text.removeprefix("\ufeff")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32", "cp1252"])
def test_other_encodings_are_recognised(encoding):
    content = "Umsätze stiegen\r\num 3 €".encode(encoding)

    assert decode_text(content, "a.txt").text == "Umsätze stiegen\num 3 €"


def test_binary_data_is_refused_with_a_way_out():
    with pytest.raises(DocumentError, match=r"'a\.txt' is not text.*convert it"):
        read_text(bytes(range(256)) * 10, "a.txt")


def test_a_text_is_called_by_its_stem():
    document = read_text(b"words", "folder/notes.txt")

    assert (document.title, document.kind, document.path) == ("notes", "text", "folder/notes.txt")
    assert document.sha256 == hashlib.sha256(b"words").hexdigest()


MARKDOWN = """\
Preface without a heading.

# Guide

## Install ##

```
# not a heading
```

Setext two
----------
words

### Detail

# Reference
end
"""


def test_markdown_headings_make_a_tree_of_sections():
    document = read_markdown(MARKDOWN.encode(), "guide.md")
    titles = [(section.number, section.title) for section in document.sections]

    assert titles == [
        ("1", "Guide"),
        ("1.1", "Install"),
        ("1.2", "Setext two"),
        ("1.2.1", "Detail"),
        ("2", "Reference"),
    ]
    assert document.title == "Guide"
    assert document.text == MARKDOWN


def test_a_section_holds_its_subsections_and_ends_where_the_next_begins():
    document = read_markdown(MARKDOWN.encode(), "guide.md")
    guide, install, setext, detail, reference = document.sections

    assert document.text[install.start : install.end].startswith("## Install ##\n")
    assert install.end == setext.start
    assert guide.end == setext.end == detail.end == reference.start
    assert reference.end == len(document.text)


def test_front_matter_rules_and_tables_are_no_headings():
    text = "---\ntitle: x\n---\n\nwords\n\n---\n\n- item\n---\n\n| a |\n|---|\n"

    assert read_markdown(text.encode(), "a.md").sections == ()


def test_each_line_of_jsonl_is_a_document():
    lines = [
        {"title": "First", "text": "one"},
        {"body": "two", "id": 7},
        {"id": 8, "amount": 3.5},
    ]
    content = "\n".join(map(json.dumps, lines)) + "\n\n[1, 2]\n"

    documents, problems = read_jsonl(content.encode(), "data/rows.jsonl")

    assert problems == ()
    assert [(d.path, d.title, d.text) for d in documents] == [
        ("data/rows.jsonl#1", "First", "one"),
        ("data/rows.jsonl#2", "rows#2", "two"),
        ("data/rows.jsonl#3", "rows#3", json.dumps(lines[2])),
        ("data/rows.jsonl#5", "rows#5", "[1, 2]"),
    ]
    assert {d.kind for d in documents} == {"record"}


def test_a_bad_line_is_named_and_stops_no_other():
    documents, problems = read_jsonl(b'{"text": "one"}\n{"text": \n{"text": "three"}', "rows.jsonl")

    assert [d.text for d in documents] == ["one", "three"]
    assert len(problems) == 1
    assert problems[0].startswith("'rows.jsonl#2' is not JSON")


def test_the_text_field_may_be_named():
    content = b'{"text": "no", "abstract": "yes"}\n{"text": "only"}'

    documents, problems = read_jsonl(content, "rows.jsonl", text_field="abstract")

    assert [d.text for d in documents] == ["yes"]
    assert problems == (
        "'rows.jsonl#2' has no text in the field 'abstract' (it has 'text'); name another",
    )


def test_half_a_surrogate_pair_becomes_a_replacement_character():
    documents, _ = read_jsonl(b'{"text": "a\\ud83db", "title": "\\ude00"}', "rows.jsonl")

    assert documents[0].text == "a\ufffdb"
    assert documents[0].title.encode()


def test_deeply_nested_json_is_a_problem_of_its_line_only():
    documents, problems = read_jsonl(b"[" * 200_000 + b'\n{"text": "fine"}', "rows.jsonl")

    assert [d.text for d in documents] == ["fine"]
    assert len(problems) == 1
