"""Archives outlive the rules that made them: versions are recorded, indexes made again."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from docpager.archive.analyzer import ANALYZER_VERSION
from docpager.archive.archive import Archive
from docpager.archive.ingest import ingest
from docpager.archive.ingest_files import ReadingSettings
from docpager.archive.ingest_session import IngestProgress
from docpager.archive.integrity import repair, verify
from docpager.archive.lexical import LexicalWriter
from docpager.archive.maintenance import compact
from docpager.archive.manifest import Manifest, commit_manifest, read_manifest
from docpager.archive.vectors import VECTORS_FILE
from docpager.core.errors import ArchiveError
from docpager.documents.document import READER_VERSION, sha256_of_text
from docpager.storage.writer_lock import writer_lock
from docpager.testing import HashingEmbedder

LEASE = "The monthly rent of the mill is 1,450 crowns."


class SecondHashing(HashingEmbedder):
    """Another version of the embedder: every vector points the other way, by another length."""

    version = 2
    dimension = 32

    def embed_passages(self, texts: Sequence[str]):
        return -super().embed_passages(texts)


def with_other_words(directory: Path) -> Manifest:
    """Give the archive the word index of another analyzer: one that knew no word of the texts."""
    manifest = read_manifest(directory)
    name = f"{manifest.next_part:06d}"
    index = LexicalWriter(directory / "lexical" / name, previous=None)
    with Archive.open(directory, embedder=HashingEmbedder()) as archive:
        for entry in archive.documents():
            for passage in archive.load(entry.name):
                index.add(passage.id, ["unknown"])
    index.close()
    older = ANALYZER_VERSION - 1
    changed = replace(manifest, lexical=name, next_part=manifest.next_part + 1, analyzer=older)
    commit_manifest(directory, changed)
    return changed


def read_by_older_rules(directory: Path) -> None:
    """Make the archive one whose documents were read by the rules before those of now."""
    manifest = read_manifest(directory)
    older = tuple(replace(d, reader_version=READER_VERSION - 1) for d in manifest.documents)
    commit_manifest(directory, replace(manifest, documents=older))


def put_text(workshop, *, before: str, now: str) -> None:
    """Store `before` of the file lease.txt, as older rules might have read it."""
    path = workshop.files / "lease.txt"
    path.write_text(before)
    workshop.ingest()
    manifest = read_manifest(workshop.directory)
    path.write_text(now)
    stat = path.stat()
    (file,), (document,) = manifest.files, manifest.documents
    sha256 = sha256_of_text(now)
    file = replace(
        file, size=stat.st_size, mtime_ns=stat.st_mtime_ns, ctime_ns=stat.st_ctime_ns,
        inode=stat.st_ino, sha256=sha256,
    )  # fmt: skip
    document = replace(document, sha256=sha256, reader_version=READER_VERSION - 1)
    commit_manifest(workshop.directory, replace(manifest, files=(file,), documents=(document,)))


def test_an_archive_records_the_versions_of_its_rules_and_the_hash_of_each_text(workshop):
    workshop.write(lease_txt=LEASE)
    workshop.ingest()

    manifest = read_manifest(workshop.directory)

    (document,) = manifest.documents
    assert document.reader_version == READER_VERSION
    assert manifest.analyzer == ANALYZER_VERSION
    assert manifest.embedder_version == 1
    with workshop.open() as archive:
        text = "".join(passage.text for passage in archive.load("D1"))
        assert document.text_sha256 == archive.text_sha256(1) == sha256_of_text(text)
        assert archive.status().versions == {
            "reader": str(READER_VERSION),
            "analyzer": str(ANALYZER_VERSION),
            "embedder hashing": "1",
        }


def test_a_word_index_of_another_analyzer_is_made_again_before_it_is_searched(workshop):
    workshop.write(lease_txt=LEASE, other_txt="Nothing of it here.")
    workshop.ingest()
    with_other_words(workshop.directory)
    shutil.rmtree(workshop.files)
    told: list[tuple[int, int]] = []

    def tell(reached: IngestProgress) -> None:
        assert reached.rebuilding
        told.append((reached.embedded, reached.passages))

    with Archive.open(workshop.directory, embedder=HashingEmbedder(), progress=tell) as archive:
        found = archive.search("monthly rent", by="words")
        again = archive.search("monthly rent", by="both")
        assert archive.load("D1")[0].text == LEASE

    assert [hit.passage.document for hit in found.hits] == [1]
    assert again.by_words == 1
    assert told == [(1, 2), (2, 2)]
    assert read_manifest(workshop.directory).analyzer == ANALYZER_VERSION
    assert verify(workshop.directory).damages == ()


def test_an_ingest_adds_nothing_to_a_word_index_of_another_analyzer(workshop):
    workshop.write(lease_txt=LEASE)
    workshop.ingest()
    with_other_words(workshop.directory)
    workshop.write(second_txt="The rent of the barn is 90 crowns.")

    workshop.ingest()

    assert read_manifest(workshop.directory).analyzer == ANALYZER_VERSION
    with workshop.open() as archive:
        found = archive.search("rent", by="words")
    assert sorted(hit.passage.document for hit in found.hits) == [1, 2]


def test_an_unchanged_folder_has_its_word_index_made_again_by_the_next_ingest(workshop):
    workshop.write(lease_txt=LEASE)
    workshop.ingest()
    with_other_words(workshop.directory)

    workshop.ingest()

    assert workshop.read_paths == []
    assert read_manifest(workshop.directory).analyzer == ANALYZER_VERSION


def test_vectors_of_another_version_are_made_again_before_they_are_searched(workshop):
    workshop.write(lease_txt=LEASE, other_txt="Nothing of it here.")
    workshop.ingest()
    shutil.rmtree(workshop.files)

    with Archive.open(workshop.directory, embedder=SecondHashing()) as archive:
        found = archive.search("monthly rent", by="meaning")

    assert found.hits[0].passage.document == 1
    manifest = read_manifest(workshop.directory)
    assert (manifest.embedder_version, manifest.dimension) == (2, 32)
    assert verify(workshop.directory).damages == ()


def test_vectors_of_two_versions_never_stand_in_one_archive(workshop):
    workshop.write(lease_txt=LEASE)
    workshop.ingest()
    workshop.write(second_txt="The rent of the barn is 90 crowns.")

    ingest(
        (workshop.files,), workshop.directory, embedder=SecondHashing(), source=workshop.source()
    )

    manifest = read_manifest(workshop.directory)
    assert (manifest.embedder_version, manifest.dimension) == (2, 32)
    with Archive.open(workshop.directory, embedder=SecondHashing()) as archive:
        for text, document in ((LEASE, 1), ("barn", 2)):
            assert archive.search(text, by="meaning").hits[0].passage.document == document


def test_a_repair_embeds_all_where_the_embedder_is_another_version(workshop):
    workshop.write(lease_txt=LEASE)
    workshop.ingest()
    workshop.write(second_txt="The rent of the barn is 90 crowns.")
    workshop.ingest()
    name = read_manifest(workshop.directory).segments[0].name
    path = workshop.directory / "segments" / name / VECTORS_FILE
    path.write_bytes(path.read_bytes()[:-1] + b"?")

    repair(workshop.directory, embedder=SecondHashing(), source=workshop.source())

    assert verify(workshop.directory).damages == ()
    assert read_manifest(workshop.directory).embedder_version == 2
    with Archive.open(workshop.directory, embedder=SecondHashing()) as archive:
        assert archive.search(LEASE, by="meaning").hits[0].passage.document == 1


def test_a_compacted_archive_has_the_word_index_of_now_and_its_own_vectors(workshop):
    workshop.write(lease_txt=LEASE)
    workshop.ingest()
    with_other_words(workshop.directory)

    compact(workshop.directory)

    manifest = read_manifest(workshop.directory)
    assert (manifest.analyzer, manifest.embedder_version) == (ANALYZER_VERSION, 1)
    with workshop.open() as archive:
        assert archive.search("rent", by="words").by_words == 1


def test_where_another_process_writes_an_outdated_index_is_refused_with_the_way_out(workshop):
    workshop.write(lease_txt=LEASE)
    workshop.ingest()
    with_other_words(workshop.directory)

    with (
        writer_lock(workshop.directory),
        workshop.open() as archive,
        pytest.raises(
            ArchiveError,
            match=r"word index was made by analyzer \d.*being written by .*; wait until it is done",
        ),
    ):
        archive.search("rent")

    with workshop.open() as archive:
        assert archive.search("rent").by_words == 1


def test_an_archive_that_cannot_be_written_is_not_searched_by_other_rules(workshop):
    workshop.write(lease_txt=LEASE)
    workshop.ingest()
    before = with_other_words(workshop.directory)
    # A folder in the lock's place: whoever runs the tests, it cannot be opened for writing.
    (workshop.directory / "writer.lock").unlink(missing_ok=True)
    (workshop.directory / "writer.lock").mkdir()

    with workshop.open() as archive:
        with pytest.raises(ArchiveError, match=r"analyzer.* cannot be written: .*make it writable"):
            archive.search("rent")
        assert archive.load("D1")[0].text == LEASE
        assert archive.grep("rent").total == 1

    assert read_manifest(workshop.directory) == before


def test_an_archive_that_was_changed_meanwhile_is_opened_again(workshop):
    workshop.write(lease_txt=LEASE)
    workshop.ingest()
    with_other_words(workshop.directory)
    with workshop.open() as archive:
        workshop.write(second_txt="The rent of the barn is 90 crowns.")
        workshop.ingest()

        with pytest.raises(ArchiveError, match="has changed since it was opened; open it again"):
            archive.search("rent")


def test_documents_read_by_older_rules_are_named_and_kept(workshop):
    workshop.write(lease_txt=LEASE, other_txt="Nothing of it here.")
    workshop.ingest()
    read_by_older_rules(workshop.directory)
    generation = read_manifest(workshop.directory).generation

    report = workshop.ingest()

    assert (report.older, report.unchanged, report.reread) == (2, 2, 0)
    assert report.generation == generation
    with workshop.open() as archive:
        assert archive.status().read_by_older_rules == 2


def test_what_older_rules_read_is_read_again_when_asked_for(workshop):
    put_text(workshop, before="The monthly rent is |,45O crowns.", now=LEASE)

    report = workshop.ingest(reading=ReadingSettings(reread=True))

    assert workshop.read_paths == ["lease.txt"]
    assert (report.reread, report.differing, report.older) == (1, ["lease.txt"], 0)
    assert (report.new, report.changed, report.removed, report.documents) == (0, 0, 0, 1)
    assert report.duplicates == []
    with workshop.open() as archive:
        assert [entry.name for entry in archive.documents()] == ["D1"]
        assert archive.text(1) == LEASE
        assert archive.text_sha256(1) == sha256_of_text(LEASE)
        assert archive.search("|,45O", by="words").by_words == 0
        assert archive.search("mill", by="words").by_words == 1
        assert archive.search("monthly rent", by="meaning").by_meaning == 1
    assert verify(workshop.directory).damages == ()
    again = workshop.ingest(reading=ReadingSettings(reread=True))
    assert (again.reread, workshop.read_paths) == (0, [])


def test_what_is_read_again_as_before_is_not_reported_as_different(workshop):
    workshop.write(lease_txt=LEASE, same_txt=LEASE, other_txt="Nothing of it here.")
    workshop.ingest()
    read_by_older_rules(workshop.directory)

    report = workshop.ingest(reading=ReadingSettings(reread=True))

    assert (report.reread, report.differing, report.older) == (2, [], 0)
    assert report.duplicates == []
    assert workshop.paths() == {"D1": ("lease.txt", "same.txt"), "D2": ("other.txt",)}
    assert verify(workshop.directory).damages == ()


def test_a_file_that_changed_under_the_same_size_and_time_is_read_again(workshop):
    path = workshop.files / "lease.txt"
    path.write_text("The monthly rent is 1,450 crowns.")
    os.utime(path, (1_900_000_000, 1_900_000_000))
    workshop.ingest()

    path.write_text("The monthly rent is 1,540 crowns.")
    os.utime(path, (1_900_000_000, 1_900_000_000))
    report = workshop.ingest()

    assert (report.changed, workshop.read_paths) == (1, ["lease.txt"])
    with workshop.open() as archive:
        assert [archive.text(entry.id) for entry in archive.documents()] == [path.read_text()]


def test_a_file_that_another_replaced_under_the_same_size_and_time_is_read_again(workshop):
    path, corrected = workshop.files / "lease.txt", workshop.files.parent / "corrected.txt"
    path.write_text("The monthly rent is 1,450 crowns.")
    corrected.write_text("The monthly rent is 1,540 crowns.")
    for each in (path, corrected):
        os.utime(each, (1_900_000_000, 1_900_000_000))
    workshop.ingest()

    corrected.replace(path)

    assert workshop.ingest().changed == 1


def test_a_file_whose_ctime_alone_changed_is_compared_and_kept(workshop):
    workshop.write(lease_txt=LEASE)
    workshop.ingest()
    (workshop.files / "lease.txt").chmod(0o600)

    report = workshop.ingest()

    assert (report.unchanged, report.new, workshop.read_paths) == (1, 0, [])
    generation = report.generation
    assert workshop.ingest().generation == generation


def test_a_thousand_unchanged_files_are_not_opened(workshop):
    for n in range(1_000):
        (workshop.files / f"{n}.txt").write_text(f"Note {n}.")
    workshop.ingest()
    generation = read_manifest(workshop.directory).generation
    began = time.perf_counter()

    report = workshop.ingest()

    assert (report.unchanged, report.generation, workshop.read_paths) == (1_000, generation, [])
    assert time.perf_counter() - began < 2
