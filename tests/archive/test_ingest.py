"""Identity by content, generations, and what an interrupted writer leaves behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from threading import Event

import pytest

from docpager.archive.archive import Archive
from docpager.archive.ingest import ingest
from docpager.archive.ingest_session import IngestProgress
from docpager.archive.manifest import SegmentRecord, read_manifest
from docpager.archive.snapshot_writer import segments_to_merge, whole_words
from docpager.core.errors import ArchiveError, UsageError
from docpager.core.locators import parse_locator
from docpager.documents.chunking import passages_of
from docpager.documents.document import Cut, Document
from docpager.storage.writer_lock import ArchiveLocked, writer_lock
from docpager.testing import HashingEmbedder

ROOT = Path(__file__).parent.parent.parent


def test_ids_are_given_in_path_order(workshop):
    workshop.write(c_txt="three", a_txt="one", b_txt="two")

    report = workshop.ingest()

    assert workshop.paths() == {"D1": ("a.txt",), "D2": ("b.txt",), "D3": ("c.txt",)}
    assert (report.new, report.documents, report.files) == (3, 3, 3)


def test_an_unchanged_folder_is_not_read_and_makes_no_generation(workshop):
    workshop.write(a_txt="one", bad_pdf="no PDF")
    workshop.ingest()

    report = workshop.ingest()

    assert workshop.read_paths == []
    assert report.unchanged == 2
    assert report.generation == 1
    assert [file.path for file in report.skipped] == ["bad.pdf"]


def test_an_unchanged_folder_needs_no_heavy_import(workshop):
    workshop.write(a_txt="one")
    workshop.ingest()
    script = (
        "import sys; from pathlib import Path; from docpager.archive.ingest import ingest;"
        f"print(ingest([Path({str(workshop.files)!r})], Path({str(workshop.directory)!r})).new);"
        "print({'numpy', 'faiss', 'pyarrow', 'tantivy', 'tokenizers'} & set(sys.modules))"
    )

    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert done.stdout.split() == ["0", "set()"]


def test_equal_files_are_one_document(workshop):
    workshop.write(b_txt="same", a_txt="same")

    report = workshop.ingest()

    assert workshop.paths() == {"D1": ("a.txt", "b.txt")}
    assert report.duplicates == [("b.txt", "a.txt")]


def test_a_changed_file_gets_a_new_id_and_the_old_one_points_to_it(workshop):
    workshop.write(a_txt="old words", b_txt="other")
    workshop.ingest()
    workshop.write(a_txt="new words instead")

    report = workshop.ingest()

    archive = workshop.open()
    assert workshop.paths() == {"D2": ("b.txt",), "D3": ("a.txt",)}
    assert (report.new, report.changed, report.removed) == (1, 1, 0)
    with pytest.raises(LookupError, match=r"D1 \(a.txt\) was replaced by D3"):
        archive.document(1)
    assert archive.search("old").by_words == 0
    assert not archive.grep("old words").hits


def test_a_touched_file_is_compared_and_kept(workshop):
    workshop.write(a_txt="one")
    workshop.ingest()
    os.utime(workshop.files / "a.txt", ns=(1, 1))

    report = workshop.ingest()

    assert workshop.read_paths == []
    assert (report.new, report.documents) == (0, 1)
    assert workshop.ingest().generation == report.generation


def test_a_moved_file_keeps_its_id(workshop):
    workshop.write(a_txt="one", b_txt="two")
    workshop.ingest()
    (workshop.files / "deep").mkdir()
    (workshop.files / "a.txt").rename(workshop.files / "deep" / "z.txt")

    report = workshop.ingest()

    assert workshop.paths() == {"D1": ("deep/z.txt",), "D2": ("b.txt",)}
    assert workshop.read_paths == []
    assert report.missing == []


def test_content_that_comes_back_gets_its_old_id(workshop):
    workshop.write(a_txt="first text")
    workshop.ingest()
    workshop.write(a_txt="a second text")
    workshop.ingest()
    workshop.write(a_txt="first text")

    workshop.ingest()

    assert workshop.paths() == {"D1": ("a.txt",)}
    assert workshop.open().search("first").by_words == 1
    with pytest.raises(LookupError, match="D2"):
        workshop.open().document(2)


def test_files_that_are_gone_are_kept_and_reported_until_pruned(workshop):
    workshop.write(a_txt="one", b_txt="two")
    workshop.ingest()
    (workshop.files / "a.txt").unlink()

    kept = workshop.ingest()
    assert [Path(path).name for path in kept.missing] == ["a.txt"]
    assert kept.documents == 2

    pruned = workshop.ingest(prune=True)
    assert (pruned.documents, pruned.removed, pruned.missing) == (1, 1, [])
    with pytest.raises(LookupError, match=r"D1 \(a.txt\) was removed; the archive has one"):
        workshop.open().document(1)


def test_a_file_that_went_bad_keeps_its_document_and_is_named(workshop):
    workshop.write(a_txt="one")
    workshop.ingest()
    (workshop.files / "a.txt").write_bytes(b"\x00\x01\x02\x03" * 100)

    report = workshop.ingest()

    assert report.documents == 1
    assert [file.path for file in report.skipped] == ["a.txt"]


def test_lines_of_a_jsonl_file_are_documents(workshop):
    lines = [json.dumps({"text": f"record number {n}"}) for n in range(3)]
    workshop.write(r_jsonl="\n".join(lines))
    workshop.ingest()
    workshop.write(r_jsonl="\n".join(['{"text": "inserted"}', *lines[1:]]))

    workshop.ingest()

    assert workshop.paths() == {"D2": ("r.jsonl#2",), "D3": ("r.jsonl#3",), "D4": ("r.jsonl#1",)}
    with pytest.raises(LookupError, match="replaced by D4"):
        workshop.open().document(1)


def test_another_text_field_reads_the_lines_again(workshop):
    workshop.write(r_jsonl='{"text": "english", "de": "deutsch"}')
    workshop.ingest()

    workshop.ingest(text_field="de")

    archive = workshop.open()
    assert [entry.id for entry in archive.documents()] == [2]
    assert archive.text(2) == "deutsch"


def test_two_roots_and_a_single_file_share_an_archive(workshop, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "b.txt").write_text("elsewhere")
    workshop.write(a_txt="here")
    workshop.ingest(workshop.files, other)

    report = workshop.ingest(workshop.files / "a.txt")

    archive = workshop.open()
    assert report.generation == 1
    assert workshop.paths() == {"D1": ("a.txt",), "D2": ("b.txt",)}
    assert archive.documents_under([other]) == [2]
    assert archive.documents_under([workshop.files / "a.txt", other / "b.txt"]) == [1, 2]
    assert archive.documents_under([tmp_path]) == [1, 2]
    assert archive.documents_under([tmp_path / "oth"]) == []


def test_a_file_moved_to_another_root_is_not_missing(workshop, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    workshop.write(a_txt="wanderer")
    workshop.ingest()
    (workshop.files / "a.txt").rename(other / "b.txt")

    workshop.ingest(other)

    assert workshop.paths() == {"D1": ("b.txt",)}


def test_nothing_readable_is_said(workshop):
    assert workshop.ingest().nothing_readable
    workshop.write(bad_pdf="no PDF", empty_txt="")

    report = workshop.ingest()

    assert report.nothing_readable
    assert [file.path for file in report.skipped] == ["bad.pdf", "empty.txt"]
    assert workshop.open().search("anything").hits == ()


def test_a_missing_folder_is_wrong_usage(workshop):
    with pytest.raises(UsageError, match="no file or folder"):
        workshop.ingest(workshop.files / "none")


def test_a_folder_of_something_else_is_not_made_an_archive(workshop):
    workshop.write(a_txt="one")

    with pytest.raises(ArchiveError, match="is not empty and not an archive"):
        ingest([workshop.files], workshop.files)


def test_an_unwritable_place_is_one_sentence(workshop):
    workshop.write(a_txt="one")

    with pytest.raises(ArchiveError, match="cannot be written"):
        ingest([workshop.files], workshop.files / "a.txt" / "archive")


def test_another_embedder_is_refused_with_the_way_out(workshop):
    workshop.write(a_txt="one")
    workshop.ingest()

    with pytest.raises(ArchiveError, match=r"built with embedder 'hashing', but 'wordllama'.*pass"):
        ingest([workshop.files], workshop.directory, embedder="wordllama")
    with pytest.raises(UsageError, match="no embedder 'nobody' is installed; choose one of"):
        ingest([workshop.files], workshop.directory / "new", embedder="nobody")


def test_a_second_writer_is_told_who_writes(workshop):
    workshop.write(a_txt="one")
    workshop.directory.mkdir()

    with (
        writer_lock(workshop.directory),
        pytest.raises(ArchiveLocked, match=f"is being written by process {os.getpid()} on "),
    ):
        workshop.ingest()

    assert workshop.ingest().documents == 1


def test_a_dead_writer_does_not_block(workshop):
    workshop.write(a_txt="one")
    workshop.directory.mkdir()
    script = (
        "import os; from pathlib import Path; from docpager.storage.writer_lock import writer_lock;"
        f"writer_lock(Path({str(workshop.directory)!r})).__enter__(); os._exit(9)"
    )
    assert subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=False).returncode == 9

    assert workshop.ingest().documents == 1


def test_half_written_parts_of_a_killed_writer_do_no_harm(workshop):
    workshop.write(a_txt="one")
    workshop.ingest()
    next_part = read_manifest(workshop.directory).next_part
    for number in (next_part, next_part + 5):
        for room in ("segments", "lexical"):
            part = workshop.directory / room / f"{number:06d}"
            part.mkdir()
            (part / "passages.arrow").write_bytes(b"half")
    (workshop.directory / "manifest.json.new").write_text("{")
    assert workshop.open().search("one").by_words == 1
    workshop.write(b_txt="two")

    workshop.ingest()

    archive = workshop.open()
    assert archive.search("two").by_words == 1
    assert not (workshop.directory / "segments" / f"{next_part + 5:06d}").exists()


@pytest.mark.parametrize("fsyncs", range(1, 26, 6))
def test_a_writer_killed_at_an_fsync_keeps_the_committed_generation(workshop, fsyncs):
    workshop.write(a_txt="alpha one", b_txt="beta two")
    workshop.ingest()
    workshop.write(a_txt="gamma three")
    script = f"""
import os
from pathlib import Path
left = {fsyncs}
real = os.fsync
def fsync(descriptor):
    global left
    left -= 1
    if left == 0:
        os._exit(9)
    real(descriptor)
os.fsync = fsync
from docpager.archive.ingest import ingest
ingest([Path({str(workshop.files)!r})], Path({str(workshop.directory)!r}))
"""
    killed = subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=False)

    archive = workshop.open()
    committed = archive.generation == 2
    assert killed.returncode == 9 or committed
    assert archive.search("alpha").by_words == (0 if committed else 1)
    workshop.ingest()
    assert workshop.paths() == {"D2": ("b.txt",), "D3": ("a.txt",)}
    assert workshop.open().search("gamma").by_words == 1


def test_an_interrupted_first_ingest_is_told_and_done_again(workshop):
    workshop.write(a_txt="one")

    def interrupt(reached: IngestProgress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ingest([workshop.files], workshop.directory, embedder="hashing", progress=interrupt)
    with pytest.raises(ArchiveError, match="holds nothing yet: its first ingest was interrupted"):
        workshop.open()

    assert workshop.ingest().documents == 1


def test_readers_that_open_while_a_writer_commits_see_one_generation(workshop):
    workshop.write(a_txt="state 0")
    workshop.ingest()
    done = Event()

    def read() -> set[int]:
        seen = set()
        while not done.is_set():
            archive = workshop.open()
            (entry,) = archive.documents()
            assert archive.text(entry.id) == f"state {entry.id - 1}"
            assert archive.search("state").by_words == 1
            seen.add(archive.generation)
        return seen

    with ThreadPoolExecutor(2) as pool:
        readers = [pool.submit(read) for _ in range(2)]
        try:
            for n in range(1, 16):
                workshop.write(a_txt=f"state {n}")
                workshop.ingest()
        finally:
            done.set()

    assert all(len(reader.result()) > 1 for reader in readers)


def test_a_word_cut_by_a_border_is_found_on_both_sides():
    document = Document("a.txt", "0" * 64, "a", "text", "one elephant two")
    passages = passages_of(document, (Cut(0, 7, 1), Cut(7, 16, 1)), 1)

    assert [passage.text for passage in passages] == ["one ele", "phant two"]
    assert whole_words(document, passages) == ["one elephant", "elephant two"]


def test_daily_ingests_keep_few_segments_and_the_same_results(workshop):
    for day in range(12):
        workshop.write(**{f"f{day:02d}_txt": f"day {day} of the revenue report"})
        workshop.ingest()
    workshop.write(f03_txt="day 3 was rewritten")
    workshop.ingest()

    archive = workshop.open()
    manifest = read_manifest(workshop.directory)
    assert len(manifest.segments) <= 8
    assert len(list((workshop.directory / "segments").iterdir())) <= 10
    assert archive.search("revenue").by_words == 11
    assert {hit.passage.document for hit in archive.grep("day").hits} == {1, 2, 3, *range(5, 12)}
    for entry in archive.documents():
        assert archive.load(parse_locator(entry.name))[0].text.startswith("day")


def test_a_reader_keeps_its_generation(workshop):
    workshop.write(a_txt="the first words")
    workshop.ingest()
    reader = workshop.open()
    for n in range(4):
        workshop.write(a_txt=f"other content {n}")
        workshop.ingest()

    assert reader.search("first").by_words == 1
    assert reader.text(1) == "the first words"
    assert workshop.open().search("first").by_words == 0


def test_a_missing_or_damaged_part_is_named(workshop):
    workshop.write(a_txt="one")
    workshop.ingest()
    passages = next(workshop.directory.glob("segments/*/passages.arrow"))
    passages.write_bytes(passages.read_bytes()[:-1])
    with pytest.raises(ArchiveError, match=r"segments/000001' of the archive is damaged"):
        Archive.open(workshop.directory)
    passages.unlink()
    with pytest.raises(ArchiveError, match=r"passages.arrow' is missing"):
        Archive.open(workshop.directory)


def test_the_smallest_segments_merge_and_large_ones_wait():
    sizes = [5000, 10, 12, 9, 11, 8, 13, 10, 40]
    segments = [SegmentRecord(f"{n:06d}", rows) for n, rows in enumerate(sizes)]

    merged = segments_to_merge(segments)

    assert segments_to_merge(segments[:8]) == []
    assert 5000 not in {record.rows for record in merged}
    assert len(merged) == 8


def test_a_large_file_is_told_of_while_it_is_embedded(workshop):
    workshop.write(a_txt="\n".join(f"line {n} about copper" for n in range(40_000)))
    told: list[int] = []

    ingest(
        [workshop.files],
        workshop.directory,
        embedder=HashingEmbedder(),
        source=workshop.source(),
        progress=lambda reached: told.append(reached.embedded),
    )

    steps = [after - before for before, after in pairwise(told)]
    assert max(steps) <= 256 and len(told) > 3
    assert told[-1] == workshop.open().status().passages
