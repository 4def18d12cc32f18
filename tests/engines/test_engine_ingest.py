"""Ingests on an engine make the archive that this machine alone makes."""

from __future__ import annotations

import json
from contextlib import chdir
from pathlib import Path

import numpy as np
import pytest
from archive.conftest import HereSource
from fake_engine import UnreliableEngine

from docpager.archive.archive import Archive
from docpager.archive.embedders.base import load_embedder
from docpager.archive.ingest import ingest
from docpager.archive.ingest_files import ReadingSettings
from docpager.archive.integrity import verify
from docpager.archive.manifest import read_manifest
from docpager.archive.snapshot import open_snapshot
from docpager.core.errors import UsageError
from docpager.core.locations import ObjectPath
from docpager.testing import HashingEmbedder

WORDS = "revenue income cost cash lease debt share tax plant goodwill segment risk note".split()  # noqa: SIM905
QUESTIONS = [f"{a} {b} in {year}" for a in WORDS[:6] for b in WORDS[7:] for year in (3,)]


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr("docpager.archive.engine_ingest._FEWEST_BYTES", 2_000)
    # A process for each block would be most of the time; those on Ray have theirs.
    monkeypatch.setattr("docpager.archive.blocks.FilesSource", HereSource)


def write_files(folder: Path, count: int, *, start: int = 0) -> None:
    folder.mkdir(exist_ok=True)
    for n in range(start, start + count):
        text = "".join(
            f"In {n + k} the {WORDS[(n * k) % 13]} and {WORDS[(n + k) % 13]} of {k} rose.\n\n"
            for k in range(40 + 60 * (n % 5))
        )
        (folder / f"report {n:02}.txt").write_text(text, encoding="utf-8")


def contents(place):
    """Everything that readers of an archive can see of it."""
    snapshot = open_snapshot(place)
    documents = [
        (r.id, r.sha256, r.text_sha256, r.title, r.passages, r.tokens, r.paths, r.replaced_by)
        for r in snapshot.manifest.documents
    ]
    passages, vectors = [], []
    for record in snapshot.live:
        segment = snapshot.segments[record.segment]
        passages += segment.passages(record.first_row, record.passages)
        vectors.append(segment.vectors.between(record.first_row, record.passages))
    files = [(f.path, f.documents, f.problems, f.reason) for f in snapshot.manifest.files]
    return documents, files, passages, np.concatenate(vectors)


def found(place, questions=QUESTIONS):
    with Archive.open(place) as archive:
        return [
            archive.search(each, page=page, page_size=30) for each in questions for page in (1, 3)
        ]


def assert_equal(place, other):
    mine, theirs = contents(place), contents(other)
    assert mine[:3] == theirs[:3]
    assert np.array_equal(mine[3], theirs[3])
    assert found(place) == found(other)


@pytest.fixture(params=["disk", "objects"])
def place(request, tmp_path):
    if request.param == "objects":
        request.getfixturevalue("s3")
        return ObjectPath("bucket", "archives/engine")
    return tmp_path / "engine"


def test_an_archive_from_an_engine_is_that_of_this_machine(tmp_path, place):
    files, local = tmp_path / "files", tmp_path / "local"
    write_files(files, 12)
    (files / "lines.jsonl").write_text(
        "".join(json.dumps({"text": f"line {n} {WORDS[n]}"}) + "\n" for n in range(5))
    )
    (files / "report 03 again.txt").write_bytes((files / "report 03.txt").read_bytes())
    (files / "broken.pdf").write_bytes(b"%PDF-1.4 and nothing more")
    engine = UnreliableEngine(1)
    told = ingest([files], place, engine=engine, text_field="text", commit_passages=60)
    alone = ingest([files], local, text_field="text", commit_passages=60)
    assert (told.documents, told.passages, told.new) == (alone.documents, alone.passages, alone.new)
    assert told.duplicates == alone.duplicates and len(told.skipped) == len(alone.skipped) == 1
    assert engine.attempts > 10
    assert_equal(place, local)
    assert not verify(place).damages

    # What changes, comes and goes afterwards is settled alike.
    write_files(files, 3, start=20)
    (files / "report 05.txt").write_text("another text about goodwill and debt")
    (files / "report 07.txt").unlink()
    ingest([files], place, engine=UnreliableEngine(2), text_field="text", prune=True)
    ingest([files], local, text_field="text", prune=True)
    assert contents(place)[:3] == contents(local)[:3]
    assert not verify(place).damages


def test_the_order_of_work_and_its_repetition_change_nothing(tmp_path):
    write_files(tmp_path / "files", 9)
    ingest([tmp_path / "files"], tmp_path / "0", engine=UnreliableEngine(0))
    for seed in (1, 2, 3):
        ingest([tmp_path / "files"], tmp_path / f"{seed}", engine=UnreliableEngine(seed))
        assert_equal(tmp_path / f"{seed}", tmp_path / "0")


def test_many_blocks_leave_few_segments(tmp_path):
    write_files(tmp_path / "files", 40)
    ingest([tmp_path / "files"], tmp_path / "archive", engine=UnreliableEngine(5))
    assert len(read_manifest(tmp_path / "archive").segments) <= 8
    rooms = {path.parent.name for path in (tmp_path / "archive").glob("*/*")}
    assert rooms == {"segments", "lexical"}
    assert len(list((tmp_path / "archive/lexical").iterdir())) <= 2


def test_work_that_fails_is_an_error_and_leaves_the_archive_as_it_was(tmp_path):
    class Failing(UnreliableEngine):
        def result(self, begun):
            if getattr(begun, "work", None) and begun.work.__name__ == "write_block":
                raise OSError(28, "no space left")
            return super().result(begun)

    write_files(tmp_path / "files", 4)
    ingest([tmp_path / "files"], tmp_path / "archive", engine=UnreliableEngine())
    before = read_manifest(tmp_path / "archive")
    write_files(tmp_path / "files", 8)
    with pytest.raises(Exception, match="no space left"):
        ingest([tmp_path / "files"], tmp_path / "archive", engine=Failing())
    assert read_manifest(tmp_path / "archive") == before
    ingest([tmp_path / "files"], tmp_path / "archive", engine=UnreliableEngine())
    assert len(read_manifest(tmp_path / "archive").documents) == 8


def test_what_an_engine_cannot_be_given_is_refused(tmp_path):
    write_files(tmp_path / "files", 1)
    with pytest.raises(UsageError, match="by name"):
        ingest(
            [tmp_path / "files"], tmp_path / "a", engine=UnreliableEngine(),
            embedder=HashingEmbedder(),
        )  # fmt: skip
    with pytest.raises(UsageError, match="passwords are not sent"):
        ingest(
            [tmp_path / "files"], tmp_path / "a", engine=UnreliableEngine(),
            reading=ReadingSettings(passwords={"a.pdf": "word"}),
        )  # fmt: skip
    assert load_embedder("wordllama").name == "wordllama"


class EngineInAnotherFolder(UnreliableEngine):
    """Its workers' folder is not that of whoever sends work, as on a cluster that was there."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder

    def _do(self, begun):
        with chdir(self._folder):
            return super()._do(begun)


def test_an_archive_may_be_named_from_the_current_folder(tmp_path, monkeypatch):
    write_files(tmp_path / "files", 5)
    (tmp_path / "workers").mkdir()
    monkeypatch.chdir(tmp_path)
    ingest([Path("files")], Path("archive"), engine=EngineInAnotherFolder(tmp_path / "workers"))
    ingest([Path("files")], Path("here"), source=HereSource(Path("here")))
    assert_equal(Path("archive"), Path("here"))
    assert not list((tmp_path / "workers").iterdir())
