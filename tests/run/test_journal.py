from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from docpager.core.errors import JournalError
from docpager.core.passages import Hit, Note, Passage, PassageId, PassageRange
from docpager.core.places import Place
from docpager.core.tokens import BuiltInEstimator
from docpager.models.messages import ModelReply, ToolCall, Usage
from docpager.paging.epoch import canonical_json
from docpager.run.journal import Entry, Header, Journal, read_journal
from docpager.run.outcome import Abstention, Answer, Failure, Outcome, Stopped
from docpager.run.plan import plan_run
from docpager.run.serialization import from_json, to_json
from docpager.run.tool_results import (
    Found,
    Listed,
    Loaded,
    PassedThrough,
    QuoteCheck,
    QuotesChecked,
    Refused,
    TooLarge,
    ToolResult,
)

PASSAGE = Passage(1, 2, "half \ud83d a pair and \ufffd", 9, 40, 7, ((0, 7), (5, 8)))
CHECK = QuoteCheck(
    "D1:c2", "half", "exact", 1, Place("a.pdf", 7, "5", start=3, end=7), (PassageId(1, 2),), None
)
RESULTS: tuple[ToolResult, ...] = (
    Found((Hit(PassageId(1, 2), "a hit", 7, "words"),), ((1, "a.pdf"),), 1, 2, 3, 4, 5),
    Listed(("a line",), 2),
    Loaded(PassageRange(1, 2, 3), "a.pdf", (PASSAGE,), (PassageId(1, 3),), ((7, "5"),)),
    TooLarge(PassageRange(1, 2, 90), 9_000, PassageRange(1, 2, 5)),
    QuotesChecked((CHECK,)),
    PassedThrough(),
    Refused("no such thing"),
)
OUTCOMES: tuple[Outcome, ...] = (
    Answer("yes", (CHECK,)),
    Abstention("no"),
    Stopped("no step is left", (Note(1, "seen", ("D1",), (PassageId(1, 2),)),)),
    Failure("broken"),
)
ENTRIES = (
    Entry("request", 0, request_sha256="ab", prompt_tokens=1_500),
    Entry(
        "reply",
        0,
        reply=ModelReply(
            "text\r\n\u2028\ud800",
            (ToolCall("1", "search", {"query": "x", "documents": ["D1"], "page": 2}),),
            "tool_use",
            Usage(1, 2, 3, 4, "server"),
            ({"type": "text", "text": "raw"},),
            0.25,
            0.0,
        ),
    ),
    Entry("results", 1, results=RESULTS, documents={"1": "sha"}, counts={"abcd": 7}),
    Entry("interrupt", 1, message="faster"),
    *(Entry("outcome", 1, outcome=outcome) for outcome in OUTCOMES),
)


def header() -> Header:
    plan = plan_run("why?", [], counter=BuiltInEstimator())
    return Header(plan, "scripted", "toy", "toy", 1, "0.1", "q", (1, 2), 4, 99, 1, "2026-01-01")


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    path = tmp_path / "run.jsonl"
    with Journal.create(path, header()) as writer:
        for entry in ENTRIES:
            writer.write(entry, sync=entry.kind == "outcome")
    return path


def sealed_again(content: bytes, change: Callable[[int, dict[str, object]], None]) -> bytes:
    """A journal with changed lines, every seal made anew."""
    seal, lines = "", []
    for number, line in enumerate(content.decode("utf-8", "surrogatepass").split("\n")[:-1]):
        parsed = json.loads(line.partition(" ")[2])
        change(number, parsed)
        body = json.dumps(parsed, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        written = f"{seal}{body}".encode("utf-8", "surrogatepass")
        seal = hashlib.sha256(written).hexdigest()[:16]
        lines.append(f"{seal} {body}\n".encode("utf-8", "surrogatepass"))
    return b"".join(lines)


def test_what_is_read_is_what_was_written_lone_surrogates_included(journal: Path) -> None:
    record = read_journal(journal)

    assert record.header == header()
    assert [entry.kind for entry in record.entries] == [entry.kind for entry in ENTRIES]
    assert record.entries[1] == ENTRIES[1]
    assert record.entries[2] == ENTRIES[2]
    assert [entry.outcome for entry in record.entries[4:]] == list(OUTCOMES)
    assert record.documents == {1: "sha"}
    assert record.outcome == OUTCOMES[-1]
    assert record.size == journal.stat().st_size


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.kind)
def test_json_keeps_entries_whole(entry: Entry) -> None:
    assert from_json(json.loads(json.dumps(to_json(entry, Entry))), Entry) == entry


def test_a_torn_last_line_is_dropped(journal: Path) -> None:
    content = journal.read_bytes()
    last = content.rindex(b"\n", 0, -1) + 1
    for end in range(last, len(content), 7):
        journal.write_bytes(content[:end])
        record = read_journal(journal)

        assert len(record.entries) == len(ENTRIES) - 1
        assert record.size == last


def test_any_changed_byte_is_found_and_its_line_named(journal: Path) -> None:
    content = journal.read_bytes()
    for at in range(0, len(content), 11):
        for flipped in (content[at] ^ 1, content[at] ^ 0x80, ord("\n")):
            if flipped == content[at]:
                continue
            journal.write_bytes(content[:at] + bytes([flipped]) + content[at + 1 :])
            line = content.count(b"\n", 0, at) + 1
            named = "is not a docpager journal" if line == 1 else f"damaged at line {line}"
            if at == len(content) - 1:
                assert len(read_journal(journal).entries) == len(ENTRIES) - 1
                continue
            with pytest.raises(JournalError, match=named):
                read_journal(journal)


def test_a_replacement_character_cannot_hide_a_changed_byte(journal: Path) -> None:
    content = journal.read_bytes()
    at = content.index("\ufffd".encode())
    journal.write_bytes(content[:at] + b"\xf0" + content[at + 1 :])

    with pytest.raises(JournalError, match="damaged at line 4"):
        read_journal(journal)


def test_a_missing_middle_line_is_found(journal: Path) -> None:
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join([*lines[:2], *lines[3:]]))

    with pytest.raises(JournalError, match="damaged at line 3"):
        read_journal(journal)


def test_another_format_is_named(journal: Path) -> None:
    def other(number: int, line: dict[str, object]) -> None:
        if number == 0:
            line["format"] = 99

    journal.write_bytes(sealed_again(journal.read_bytes(), other))

    with pytest.raises(
        JournalError, match="has format 99, and this docpager reads formats 2 and 3"
    ):
        read_journal(journal)


def test_unknown_fields_mean_another_version(journal: Path) -> None:
    def other(number: int, line: dict[str, object]) -> None:
        if number == 1:
            line["mood"] = "good"

    journal.write_bytes(sealed_again(journal.read_bytes(), other))

    with pytest.raises(JournalError, match="written by another version"):
        read_journal(journal)


@pytest.mark.parametrize("content", [b"", b"hello\n", b"{}\n", b"no newline", b"\n\n", b"\xff\n"])
def test_what_is_no_journal_is_said_to_be_none(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other"
    path.write_bytes(content)

    with pytest.raises(JournalError, match="is not a docpager journal"):
        read_journal(path)


def test_a_missing_journal_and_an_unwritable_place_are_named(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="cannot read the journal"):
        read_journal(tmp_path / "none.jsonl")
    (tmp_path / "file").write_text("")
    with pytest.raises(JournalError, match="cannot write the journal"):
        Journal.create(tmp_path / "file" / "run.jsonl", header())


def test_a_resumed_journal_goes_on_after_its_last_whole_line(journal: Path) -> None:
    whole = journal.read_bytes()
    torn = whole[: whole.rindex(b"\n", 0, -1) + 30]
    journal.write_bytes(torn)
    with Journal.resume(read_journal(journal)) as writer:
        writer.write(ENTRIES[-1])

    assert journal.read_bytes() == whole


def test_quotes_of_journals_from_before_there_were_places_keep_their_bytes():
    old = {
        "locator": "D1:c2",
        "quote": "half",
        "match": "exact",
        "document": 1,
        "path": "a.pdf",
        "pdf_page": 7,
        "page_label": "5",
        "passages": [[1, 2]],
        "problem": None,
    }
    nowhere = {**old, "match": "failed", "document": None, "problem": "no document", "passages": []}
    nowhere |= {"path": None, "pdf_page": None, "page_label": None}

    read = from_json(old, QuoteCheck)

    assert read.place == Place("a.pdf", 7, "5", document_id="D1")
    assert canonical_json(to_json(read, QuoteCheck)) == canonical_json(old)
    assert from_json(nowhere, QuoteCheck).place is None
    assert canonical_json(to_json(from_json(nowhere, QuoteCheck), QuoteCheck)) == (
        canonical_json(nowhere)
    )
    with pytest.raises(ValueError, match="page of no document"):
        from_json({**nowhere, "pdf_page": 7}, QuoteCheck)
