"""What was forgotten is gone, and an archive that was compacted is as if made in one go."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest

from docpager.archive.ingest_files import ReadingSettings
from docpager.archive.integrity import verify
from docpager.archive.maintenance import compact, forget
from docpager.archive.manifest import read_manifest
from docpager.core.errors import ArchiveError, UsageError

SECRET = "zanzibarite"


def files_with(workshop, *texts: str) -> list[str]:
    """Files of the archive in which a text stands, in any encoding that the archive uses."""
    found = []
    for path in workshop.directory.rglob("*"):
        content = path.read_bytes().lower() if path.is_file() else b""
        found += [path.name for text in texts if text.encode() in content]
    return found


def test_a_forgotten_document_is_gone_at_once_and_its_bytes_after_compact(workshop):
    workshop.write(a_md=f"# The {SECRET}\n\nOf {SECRET} and tin.", b_txt="tin alone")
    workshop.ingest()
    assert files_with(workshop, SECRET)

    done = forget(workshop.directory, [1])

    archive = workshop.open()
    assert done.documents == ((1, "a.md"),)
    assert [Path(path).name for path in done.still_there] == ["a.md"]
    assert archive.search("tin").by_words == 1
    assert not archive.grep(SECRET).hits
    with pytest.raises(LookupError, match="no document D1"):
        archive.document(1)
    assert read_manifest(workshop.directory).forgotten == (1,)

    compact(workshop.directory, redacted=[1, 2, 3])

    assert files_with(workshop, SECRET) == []
    assert read_manifest(workshop.directory).forgotten == ()
    assert verify(workshop.directory).damages == ()
    assert workshop.open().search("tin").by_words == 1


def test_earlier_versions_are_forgotten_too(workshop):
    for text in (f"{SECRET} one", f"{SECRET} two", f"{SECRET} three"):
        workshop.write(a_txt=text)
        workshop.ingest()

    done = forget(workshop.directory, [3])
    compact(workshop.directory, redacted=[1, 2, 3])

    assert [number for number, _ in done.documents] == [1, 2, 3]
    assert files_with(workshop, SECRET) == []
    assert read_manifest(workshop.directory).documents == ()


def test_content_that_comes_back_after_it_was_forgotten_gets_a_new_id(workshop):
    workshop.write(a_txt="one", b_txt="two")
    workshop.ingest()
    forget(workshop.directory, [1])
    compact(workshop.directory, redacted=[1, 2, 3])

    workshop.ingest()

    assert workshop.paths() == {"D2": ("b.txt",), "D3": ("a.txt",)}


def test_what_was_forgotten_stays_out_until_it_is_asked_for_or_changes(workshop):
    workshop.write(a_txt="one", b_txt="two")
    workshop.ingest()
    forget(workshop.directory, [1])
    as_ask_does = ReadingSettings(keep_forgotten_out=True)

    report = workshop.ingest(reading=as_ask_does)

    assert (workshop.paths(), workshop.read_paths) == ({"D2": ("b.txt",)}, [])
    assert [(file.path, file.reason) for file in report.skipped] == [("a.txt", "forgotten")]
    assert "`docpager ingest` takes it in again" in report.skipped[0].message
    assert verify(workshop.directory).damages == ()

    workshop.write(a_txt="one, rewritten")
    workshop.ingest(reading=as_ask_does)
    assert workshop.paths() == {"D2": ("b.txt",), "D3": ("a.txt",)}


def test_a_line_is_forgotten_and_the_others_stay(workshop):
    lines = [json.dumps({"text": f"record {n} {'x' * n}"}) for n in range(3)]
    workshop.write(r_jsonl="\n".join(lines))
    workshop.ingest()

    forget(workshop.directory, [2])
    workshop.ingest()

    assert workshop.paths() == {"D1": ("r.jsonl#1",), "D3": ("r.jsonl#3",)}
    assert verify(workshop.directory).damages == ()


def test_nothing_is_forgotten_when_one_id_is_wrong(workshop):
    workshop.write(a_txt="one")
    workshop.ingest()

    with pytest.raises(UsageError, match="no document D9; nothing was forgotten"):
        forget(workshop.directory, [1, 9])

    assert workshop.paths() == {"D1": ("a.txt",)}


def test_forgotten_ids_are_kept_while_journals_hold_them(workshop):
    workshop.write(a_txt="one", b_txt="two")
    workshop.ingest()
    forget(workshop.directory, [1])

    compact(workshop.directory, redacted=[])

    assert read_manifest(workshop.directory).forgotten == (1,)


def test_everything_can_be_forgotten(workshop):
    workshop.write(a_txt="one")
    workshop.ingest()
    forget(workshop.directory, [1])
    compact(workshop.directory, redacted=[1, 2, 3])

    assert workshop.open().search("one").total == 0
    assert verify(workshop.directory).damages == ()
    assert workshop.ingest().documents == 1


def test_a_compacted_archive_is_the_one_that_one_ingest_makes(workshop, tmp_path):
    for day in range(12):
        workshop.write(**{f"f{day:02d}_txt": f"day {day} of the river and the plant"})
        workshop.ingest()
    workshop.write(f03_txt="day 3 was rewritten for the river")
    workshop.ingest()
    worn = workshop.open()

    done = compact(workshop.directory, redacted=[1, 2, 3])

    fresh = workshop.open()
    assert (done.documents, done.passages) == (12, 12)
    assert done.bytes_after < done.bytes_before
    assert fresh.documents() == worn.documents()
    assert fresh.status().deleted_passages == 0
    assert fresh.status().segments == 1
    found = fresh.search("river day", page_size=20)
    workshop.directory = tmp_path / "new"
    workshop.ingest()
    paths = {entry.id: entry.path for entry in fresh.documents()}
    new = workshop.open()
    new_paths = {entry.id: entry.path for entry in new.documents()}
    in_order = [new_paths[hit.passage.document] for hit in new.search("river day").hits]
    assert {paths[hit.passage.document] for hit in found.hits[:10]} == set(in_order)
    # A reader that was open keeps its generation.
    assert worn.search("river day", page_size=20).by_words == 12


def test_damage_is_not_copied(workshop):
    workshop.write(a_txt="one")
    workshop.ingest()
    passages = next(workshop.directory.glob("segments/*/passages.arrow"))
    content = bytearray(passages.read_bytes())
    content[len(content) // 2] ^= 1
    passages.write_bytes(content)

    with pytest.raises(ArchiveError, match=r"is damaged; `docpager\.repair\(\.\.\.\)` rebuilds"):
        compact(workshop.directory, redacted=[1, 2, 3])


def test_readers_see_one_generation_while_documents_are_forgotten_and_parts_rewritten(workshop):
    workshop.write(**{f"f{n}_txt": f"{SECRET} {n}" for n in range(3)})
    workshop.ingest()
    done = Event()

    def read() -> set[int]:
        seen = set()
        while not done.is_set():
            archive = workshop.open()
            texts = {entry.id: archive.text(entry.id) for entry in archive.documents()}
            hits = archive.search(SECRET, page_size=99).hits
            assert {hit.passage.document for hit in hits} == set(texts)
            assert all(text.startswith(SECRET) for text in texts.values())
            seen.add(archive.generation)
        return seen

    with ThreadPoolExecutor(3) as pool:
        readers = [pool.submit(read) for _ in range(3)]
        try:
            for n in range(6):
                workshop.write(f1_txt=f"{SECRET} again {n}")
                workshop.ingest()
                forget(workshop.directory, [max(e.id for e in workshop.open().documents())])
                compact(workshop.directory)
        finally:
            done.set()

    assert all(len(reader.result()) > 1 for reader in readers)
