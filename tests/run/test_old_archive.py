"""An archive and journals that docpager 0.1.0 wrote outlive it; see `tests/data/README.md`."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from zipfile import ZipFile

import pytest

import docpager
from docpager.archive.analyzer import ANALYZER_VERSION
from docpager.archive.archive import Archive
from docpager.archive.embedders.wordllama_embedder import WordllamaEmbedder
from docpager.archive.manifest import FORMAT, commit_manifest, read_manifest
from docpager.archive.segment import Segment
from docpager.archive.snapshot_writer import rewrite, stored_document
from docpager.core.errors import DocumentsChanged, JournalError
from docpager.documents.document import READER_VERSION
from docpager.run.journal import read_journal
from docpager.run.outcome import Answer
from docpager.run.replay import Replay
from docpager.run.service import open_replay

WRITTEN = Path(__file__).parents[1] / "data" / "archive_of_0_1_0.zip"
FEES = "The berth fee of a fishing boat is $3201"


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """The archive; `docs/` stands beside it."""
    with ZipFile(WRITTEN) as written:
        written.extractall(tmp_path)
    return tmp_path / ".docpager"


def raw_format(archive: Path) -> int:
    written: int = json.loads((archive / "manifest.json").read_text())["format"]
    return written


def test_it_opens_and_is_searched_by_the_rules_of_now(old: Path) -> None:
    assert raw_format(old) == 2
    with Archive.open(old) as archive:
        assert [entry.path for entry in archive.documents()] == [
            "fees.pdf", "ferry.txt", "harbour.md",
        ]  # fmt: skip
        found = archive.search("berth fee")
        assert found.by_words == 1
        assert found.hits[0].passage.document == 1
        assert FEES in archive.load("D1:p1")[0].text
        assert archive.grep("Torsvik").total == 1
        status = archive.status()
        assert status.read_by_older_rules == (3 if READER_VERSION > 1 else 0)
        assert status.versions["analyzer"] == str(ANALYZER_VERSION)
        assert len(archive.text_sha256(1)) == 64
    assert docpager.Archive.open(old).search("ferry").hits[0].passage.document == 2


def test_an_ingest_goes_on_with_it_and_keeps_its_ids(old: Path) -> None:
    report = docpager.ingest(old.parent / "docs", old)

    assert (report.documents, report.new, report.removed) == (3, 0, 0)
    assert report.missing == []
    assert raw_format(old) == FORMAT
    manifest = read_manifest(old)
    assert [record.id for record in manifest.documents] == [1, 2, 3]
    root = (old.parent / "docs").resolve().as_posix()
    here = [file for file in manifest.files if file.root == root]
    assert all(file.ctime_ns and file.inode for file in here)
    assert len(here) == 3
    again = docpager.ingest(old.parent / "docs", old)
    assert again.generation == report.generation


def test_what_it_holds_is_read_again_when_asked_for(old: Path) -> None:
    manifest = read_manifest(old)
    older = tuple(replace(d, reader_version=READER_VERSION - 1) for d in manifest.documents)
    commit_manifest(old, replace(manifest, documents=older))

    report = docpager.ingest(
        old.parent / "docs", old, reading=docpager.ReadingSettings(reread=True)
    )

    assert (report.reread, report.older, report.new) == (3, 0, 0)
    with Archive.open(old) as archive:
        assert archive.versions["reader"] == str(READER_VERSION)
        assert archive.search("berth fee").hits[0].passage.document == 1


@pytest.mark.parametrize("name", ["finished", "other"])
def test_a_finished_journal_is_replayed(old: Path, name: str) -> None:
    path = old / "runs" / f"{name}.jsonl"

    run = open_replay(path).finish()

    assert isinstance(run.outcome, Answer)
    assert run.outcome == read_journal(path).outcome
    assert read_journal(path).format == 2


def test_a_journal_from_before_there_were_pictures_is_replayed() -> None:
    record = read_journal(WRITTEN.with_name("before_pictures.jsonl"))

    run = Replay(record).finish()

    assert record.format == 3
    assert record.header.plan.pictures is None
    assert isinstance(run.outcome, Answer)
    assert run.outcome == record.outcome


@pytest.mark.parametrize("name", ["finished", "other"])
def test_a_finished_journal_is_compared_with_its_archive(old: Path, name: str) -> None:
    with Archive.open(old) as archive:
        replay = open_replay(old / "runs" / f"{name}.jsonl", against=archive)
        if ANALYZER_VERSION == 1:
            assert isinstance(replay.finish().outcome, Answer)
            assert replay.executed > 1
            return
        try:
            replay.finish()
        except JournalError as error:
            assert f"analyzer {ANALYZER_VERSION}, then 1" in str(error)


def test_an_interrupted_journal_is_resumed_in_its_own_format(old: Path) -> None:
    path = old / "runs" / "interrupted.jsonl"
    assert read_journal(path).outcome is None

    line = docpager.resume(path, archive=old)

    assert line.status in ("answered", "abstained")
    record = read_journal(path)
    assert record.format == 2
    assert Replay(record).finish().outcome == record.outcome
    assert docpager.resume(path, archive=old).answer == line.answer


def with_another_text(directory: Path) -> None:
    """Store another text of D1's file, as other rules might have read it."""
    manifest = read_manifest(directory)
    (rows,) = manifest.segments
    segment = Segment.open(directory / "segments" / rows.name, rows.rows)
    stored = [stored_document(segment, record) for record in manifest.documents]
    fees = stored[0]
    document = replace(fees.document, text=fees.document.text.replace("3201", "3207"))
    passages = tuple(replace(p, text=p.text.replace("3201", "3207")) for p in fees.passages)
    changed = replace(fees, document=document, passages=passages, vectors=None)
    rewrite(directory, manifest, [changed, *stored[1:]], embedder=WordllamaEmbedder)


def test_an_old_journal_is_not_resumed_over_another_text_of_the_same_file(old: Path) -> None:
    """Format 2 has no hash of a text, but the passages that the run has read."""
    path = old / "runs" / "cut.jsonl"
    whole = (old / "runs" / "finished.jsonl").read_bytes()
    path.write_bytes(b"".join(whole.splitlines(keepends=True)[:-1]))
    assert 1 in read_journal(path).documents
    file_before = read_manifest(old).documents[0].sha256

    with_another_text(old)

    assert read_manifest(old).documents[0].sha256 == file_before
    with pytest.raises(DocumentsChanged, match="D1 changed since"):
        docpager.resume(path, archive=old)
