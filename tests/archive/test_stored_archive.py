"""Archives in object storage: the same as on disk, two writers, readers, faults, maintenance."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from archive.conftest import HereSource

from docpager.archive.archive import Archive
from docpager.archive.home import home_at, sound_segment
from docpager.archive.ingest import ingest
from docpager.archive.ingest_files import ReadingSettings
from docpager.archive.integrity import repair, verify
from docpager.archive.maintenance import compact, forget
from docpager.archive.manifest import SegmentRecord, read_manifest
from docpager.archive.segment import merge_segments
from docpager.archive.stored_archive import StoredArchive
from docpager.core.errors import ArchiveError, StorageError, UsageError
from docpager.core.locations import ObjectPath
from docpager.storage.object_store import Bucket
from docpager.storage.part_cache import PartCache
from docpager.testing import HashingEmbedder

PLACE = ObjectPath("bucket", "archives/one")


def write(folder: Path, **texts: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name, text in texts.items():
        (folder / f"{name}.txt").write_text(text)
    return folder


def take_in(*folders: Path, place=PLACE, **how):
    source = HereSource(folders[0] / "none")
    return ingest(folders, place, embedder=HashingEmbedder(), source=source, **how)


def opened(place=PLACE) -> Archive:
    return Archive.open(place, embedder=HashingEmbedder())


def everything(archive: Archive, *questions: str):
    documents = [(entry.name, entry.path, entry.passages) for entry in archive.documents()]
    texts = [archive.text(entry.id) for entry in archive.documents()]
    found = [
        [hit.passage for page in (1, 2) for hit in archive.search(each, page=page).hits]
        for each in questions
    ]
    return documents, texts, found


def named(s3) -> set[str]:
    """Keys of the objects that stand in the archive's rooms."""
    return {key for key in s3.keys("bucket") if key.count("/") > 2}


LONG = {f"file{n}": f"Report {n}. " + f"The cat of year {1900 + n} sat. " * 90 for n in range(12)}


def test_it_holds_and_finds_what_one_on_disk_does(s3, tmp_path):
    files = write(tmp_path / "files", **LONG)
    take_in(files, place=tmp_path / "local")
    take_in(files)
    questions = ("cat 1905", "report", "year 1911 sat", "nothing of it")
    assert everything(opened(), *questions) == everything(opened(tmp_path / "local"), *questions)
    write(files, file3="Another text altogether.", new="And a new one.")
    for place in (PLACE, tmp_path / "local"):
        report = take_in(files, place=place)
        assert (report.new, report.changed, report.unchanged) == (2, 1, 11)
    assert everything(opened(), *questions) == everything(opened(tmp_path / "local"), *questions)
    assert opened().status().documents == 13
    assert verify(PLACE).damages == ()


def test_documents_come_from_there_too(s3, tmp_path):
    bucket = Bucket("bucket")
    for name, text in LONG.items():
        bucket.put(f"docs/in/{name}.txt", text.encode())
    bucket.put("docs/plain", b"a text without an ending")
    bucket.put("docs/photo.raw", b"\x00\x01")
    bucket.put("docs/.hidden/x.txt", b"hidden")
    report = ingest([ObjectPath("bucket", "docs")], PLACE, embedder=HashingEmbedder())
    assert (report.new, report.unsupported, report.skipped) == (13, ["photo.raw"], [])
    with opened() as archive:
        assert archive.document(1).path == "in/file0.txt"
        assert archive.documents_under("s3://bucket/docs/in") == list(range(1, 13))
        assert "without an ending" in archive.text(13)
        assert archive.files(1)[0].location == "s3://bucket/docs/in/file0.txt"
    again = ingest([ObjectPath("bucket", "docs")], PLACE, embedder=HashingEmbedder())
    assert (again.new, again.unchanged, again.generation) == (0, 13, 1)
    bucket.put("docs/in/file0.txt", b"changed")
    bucket.delete(["docs/in/file1.txt"])
    third = ingest([ObjectPath("bucket", "docs")], PLACE, embedder=HashingEmbedder(), prune=True)
    assert (third.changed, third.removed) == (1, 1)


def test_an_object_that_cannot_be_fetched_harms_only_itself(s3, tmp_path, monkeypatch):
    monkeypatch.setattr("docpager.storage.object_store._RETRIES", 0)
    for name in ("good", "bad"):
        Bucket("bucket").put(f"docs/{name}.txt", name.encode())
    s3.fault = lambda method, key: "503" if key == "docs/bad.txt" else None
    report = ingest([ObjectPath("bucket", "docs")], PLACE, embedder=HashingEmbedder())
    assert report.new == 1
    assert [file.path for file in report.skipped] == ["bad.txt"]
    assert "s3://bucket/docs/bad.txt" in report.skipped[0].message
    s3.fault = lambda method, key: None
    how = {"embedder": HashingEmbedder()}
    reading = ReadingSettings(retry_failed=True)
    assert ingest([ObjectPath("bucket", "docs")], PLACE, reading=reading, **how).new == 1


def test_a_place_without_anything_is_named(s3):
    with pytest.raises(UsageError, match="no file or folder 's3://bucket/none'"):
        ingest([ObjectPath("bucket", "none")], PLACE)
    with pytest.raises(ArchiveError, match="no archive 's3://bucket/archives/one'"):
        Archive.open("s3://bucket/archives/one")


def test_a_place_that_holds_something_else_is_left_alone(s3, tmp_path):
    Bucket("bucket").put("archives/one/photos/cat.jpg", b"x")
    with pytest.raises(ArchiveError, match="is not empty and not an archive"):
        take_in(write(tmp_path / "files", a="text"))


def at_once(*works):
    errors: list[Exception] = []

    def guarded(work):
        try:
            work()
        except Exception as error:  # noqa: BLE001
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


def test_of_two_writers_at_once_both_commit(s3, tmp_path):
    one = write(tmp_path / "one", a="first text of one", b="second text of one")
    two = write(tmp_path / "two", c="first text of two", d="second text of two")
    at_once(lambda: take_in(one), lambda: take_in(two))
    with opened() as archive:
        assert archive.generation == 2
        assert len({entry.id for entry in archive.documents()}) == 4
        assert {archive.text(n) for n in range(1, 5)} == {
            f"{which} text of {whose}" for which in ("first", "second") for whose in ("one", "two")
        }
    assert verify(PLACE).damages == ()


def test_a_writer_that_begins_again_reads_nothing_twice(s3, tmp_path):
    take_in(write(tmp_path / "zero", z="zero"))
    mine, others = write(tmp_path / "mine", a="mine"), write(tmp_path / "others", b="others")

    class Overtaken(HereSource):
        def read(self, files):
            yield from super().read(files)
            if others.exists():
                take_in(others)
                (others / "b.txt").unlink()
                others.rmdir()

    source = Overtaken(mine / "none")
    report = ingest([mine], PLACE, embedder=HashingEmbedder(), source=source)
    assert source.read_paths == ["a.txt"]
    assert (report.new, report.generation, report.documents) == (1, 3, 3)
    assert [entry.path for entry in opened().documents()] == ["z.txt", "b.txt", "a.txt"]


@pytest.mark.parametrize("times", [1, 2])
def test_a_commit_whose_reply_was_lost_is_known_again(s3, tmp_path, times):
    take_in(write(tmp_path / "zero", z="zero"))
    left = [times]

    def lose(method: str, key: str) -> str | None:
        if method == "PUT" and key.endswith("manifest.json") and left[0]:
            left[0] -= 1
            return "lost"
        return None

    s3.fault = lose
    report = take_in(write(tmp_path / "mine", a="mine"))
    assert left == [0]
    assert (report.new, report.generation) == (1, 2)
    assert verify(PLACE).damages == ()


def test_a_lost_reply_is_known_again_after_others_went_on(s3, tmp_path):
    take_in(write(tmp_path / "zero", z="zero"))
    others = write(tmp_path / "others", b="others")
    state = ["first"]

    def lose(method: str, key: str) -> str | None:
        if method == "PUT" and key.endswith("manifest.json") and state:
            state.clear()
            return "lost"
        return None

    s3.fault = lose
    home = home_at(PLACE)
    original = home._put

    def put(manifest, base):
        # What the loser of the reply reads back is already another writer's.
        replaced = home.bucket.replace

        def replace_then_others(key, content, *, tag):
            try:
                return replaced(key, content, tag=tag)
            finally:
                take_in(others)

        home.bucket.replace = replace_then_others
        return original(manifest, base)

    home._put = put
    mine = write(tmp_path / "mine", a="mine")
    report = take_in(mine, place=home)
    assert report.generation == 2
    assert [entry.path for entry in opened().documents()] == ["z.txt", "a.txt", "b.txt"]


def test_storage_without_conditions_is_not_written(s3, tmp_path):
    s3.ignores_conditions = True
    with pytest.raises(StorageError, match="ignores conditional puts"):
        take_in(write(tmp_path / "files", a="text"))
    assert named(s3) == set()


def test_a_writer_that_fails_leaves_what_was_committed(s3, tmp_path, monkeypatch):
    monkeypatch.setattr("docpager.storage.object_store._RETRIES", 0)
    files = write(tmp_path / "files", a="text")
    take_in(files)
    before = everything(opened(), "text")
    write(files, b="more")
    for broken in ("segments", "manifest.json"):
        s3.fault = lambda m, key, broken=broken: "503" if m == "PUT" and broken in key else None
        with pytest.raises(StorageError, match=f"s3://bucket/archives/one/{broken}"):
            take_in(files)
        s3.fault = lambda method, key: None
        assert everything(opened(), "text") == before
    assert take_in(files).new == 1
    assert verify(PLACE).damages == ()


def test_a_reader_fetches_each_part_once(s3, tmp_path):
    files = write(tmp_path / "files", **LONG)
    take_in(files)

    def fetched(place=PLACE) -> int:
        del s3.requests[:]
        opened(place).search("cat")
        return sum(sent for _, key, sent in s3.requests if not key.endswith("manifest.json"))

    assert fetched() == 0  # what was written here need not be fetched
    shutil.rmtree(tmp_path / "part-cache")
    size = sum(file.bytes for file in read_manifest(home_at(PLACE)).stored)
    assert fetched() == size
    assert fetched() == 0


def test_a_part_that_is_damaged_here_is_fetched_again(s3, tmp_path):
    take_in(write(tmp_path / "files", **LONG))
    before = everything(opened(), "cat 1905")
    for part in (tmp_path / "part-cache" / "files").iterdir():
        part.write_bytes(part.read_bytes()[:-1])
    assert everything(opened(), "cat 1905") == before


def test_readers_keep_their_generation(s3, tmp_path):
    files = write(tmp_path / "files", a="one")
    take_in(files)
    reader = opened()
    write(files, a="two")
    take_in(files)
    compact(PLACE, grace_seconds=0)
    assert reader.text(1) == "one"
    assert opened().text(2) == "two"


def test_the_cache_is_bounded_and_keeps_what_was_used_last(tmp_path, s3):
    for number in range(3):
        place = ObjectPath("bucket", f"archives/{number}")
        take_in(
            write(tmp_path / str(number), **{f"a{number}": f"text {number} " * 200}), place=place
        )
    root = tmp_path / "part-cache"
    parts = sorted(root.glob("parts/*"), key=lambda path: path.stat().st_mtime)
    for age, part in enumerate(reversed(parts), 1):
        os.utime(part, (0, 10_000_000 - age))
    size = sum(file.stat().st_size for file in root.glob("files/*"))
    PartCache(root, most_bytes=size // 2).trim()
    left = list(root.glob("parts/*"))
    assert 0 < len(left) < len(parts)
    assert sum(file.stat().st_size for file in root.glob("files/*")) <= size // 2
    assert set(left) == set(parts[-len(left) :])
    assert opened(ObjectPath("bucket", "archives/0")).text(1).startswith("text 0")


def test_an_archive_that_was_written_on_disk_can_be_copied_there(s3, tmp_path):
    files = write(tmp_path / "files", **LONG)
    take_in(files, place=tmp_path / "local")
    forget(tmp_path / "local", [3])
    for path in (tmp_path / "local").rglob("*"):
        if path.is_file():
            Bucket("bucket").upload(
                path, (PLACE / path.relative_to(tmp_path / "local").as_posix()).key
            )
    expected = everything(opened(tmp_path / "local"), "cat 1905")
    assert everything(opened(), "cat 1905") == expected
    assert verify(PLACE).damages == ()
    write(files, more="more text")
    assert take_in(files, reading=ReadingSettings(keep_forgotten_out=True)).new >= 1
    assert verify(PLACE).damages == ()
    assert "more.txt" in [entry.path for entry in opened().documents()]
    Bucket("bucket").delete([(PLACE / "manifest.json").key])
    Bucket("bucket").upload(tmp_path / "local" / "manifest.json", (PLACE / "manifest.json").key)
    for key in s3.keys("bucket"):
        if key.endswith("checksums.json"):
            del s3.objects["bucket"][key]
    with pytest.raises(ArchiveError, match="was all of it copied"):
        opened()


def test_old_parts_go_after_their_time_of_grace(s3, tmp_path):
    files = write(tmp_path / "files", a="one")
    take_in(files)
    first = named(s3)
    write(files, a="two")
    take_in(files)
    done = compact(PLACE)
    assert done.waiting == len(named(s3)) - len(read_manifest(home_at(PLACE)).stored) > 0
    assert first <= named(s3)
    assert compact(PLACE, grace_seconds=0).waiting == 0
    manifest = read_manifest(home_at(PLACE))
    assert named(s3) == {file.key for file in manifest.stored}
    assert verify(PLACE).damages == ()


def test_what_a_dead_writer_left_goes_after_a_while(s3, tmp_path):
    take_in(write(tmp_path / "files", a="one"))
    Bucket("bucket").put("archives/one/segments/000099-dead/passages.arrow", b"x")
    assert compact(PLACE, grace_seconds=0).waiting == 1
    home = StoredArchive(PLACE, grace_seconds=0, unfinished_seconds=0)
    assert home.remove_unnamed(read_manifest(home)) == (0, 0)
    assert not [key for key in named(s3) if "dead" in key]


def test_what_was_forgotten_is_gone(s3, tmp_path):
    secret = "xylophone quartz"
    files = write(tmp_path / "files", a=f"a {secret} text", b="another")
    take_in(files)
    done = forget(PLACE, [1])
    assert done.still_there == (f"{files}/a.txt",)
    with pytest.raises(ArchiveError, match="no document D1"):
        opened().text(1)
    compact(PLACE, grace_seconds=0)
    for content, _, _ in s3.objects["bucket"].values():
        assert b"xylophone" not in content
    for path in (tmp_path / "part-cache").rglob("*"):
        assert not path.is_file() or b"xylophone" not in path.read_bytes()
    assert [entry.name for entry in opened().documents()] == ["D2"]


@pytest.mark.parametrize("damage", ["cut", "changed", "gone"])
def test_damage_there_is_found_and_mended(s3, tmp_path, damage):
    take_in(write(tmp_path / "files", **LONG))
    before = everything(opened(), "cat 1905")
    key = next(key for key in s3.keys("bucket") if key.endswith("passages.arrow"))
    content, tag, modified = s3.objects["bucket"][key]
    if damage == "gone":
        del s3.objects["bucket"][key]
    else:
        bad = content[:-9] if damage == "cut" else content[:-9] + b"\0" * 9
        s3.objects["bucket"][key] = (bad, tag, modified)
    (found,) = verify(PLACE).damages
    assert found.file == "passages.arrow"
    source = HereSource(tmp_path / "none")
    done = repair(PLACE, embedder=HashingEmbedder(), source=source)
    assert (len(done.read_again), done.lost) == (12, ())
    assert verify(PLACE).damages == ()
    assert everything(opened(), "cat 1905") == before


def test_a_generation_of_format_and_ids_is_read_back_as_it_was(s3, tmp_path):
    take_in(write(tmp_path / "files", a="one"))
    home = home_at(PLACE)
    manifest = read_manifest(home)
    assert len(manifest.commits) == 1
    assert {file.part for file in manifest.stored} == set(manifest.parts)
    assert replace(manifest, stored=(), commits=()) != manifest


def test_readers_open_while_the_cache_is_emptied(s3, tmp_path, monkeypatch):
    take_in(write(tmp_path / "files", **LONG))
    monkeypatch.setattr("docpager.storage.part_cache._JUST_USED_SECONDS", 0.0)
    expected, done = everything(opened(), "cat 1905"), threading.Event()

    def empty():
        while not done.wait(0.2):
            PartCache(tmp_path / "part-cache", most_bytes=0).trim()

    def read():
        for _ in range(5):
            assert everything(opened(), "cat 1905") == expected

    emptying = threading.Thread(target=empty)
    emptying.start()
    try:
        at_once(read, read, read)
    finally:
        done.set()
        emptying.join()


_INGEST = """
import sys
from pathlib import Path
from docpager.archive.ingest import ingest
from docpager.core.locations import ObjectPath
from docpager.testing import HashingEmbedder
ingest([Path(sys.argv[1])], ObjectPath("bucket", "archives/one"), embedder=HashingEmbedder())
"""


@pytest.mark.slow
def test_a_writer_that_dies_at_any_request_loses_nothing(s3, tmp_path):
    files = write(tmp_path / "files", a="one", b="two")
    take_in(files, place=PLACE)
    before = everything(opened(), "one")
    write(files, c="three")
    objects = dict(s3.objects["bucket"])
    number = 0
    while True:
        number += 1
        s3.objects["bucket"] = dict(objects)
        seen = [0]
        child = subprocess.Popen([sys.executable, "-c", _INGEST, str(files)])

        def die(method: str, key: str, seen=seen, child=child, number=number) -> str | None:
            if method in ("PUT", "POST", "DELETE"):
                seen[0] += 1
                if seen[0] == number:
                    child.kill()
                    # Half of them die when it is done, half before.
                    return "lost" if number % 2 else "503"
            return None

        s3.fault = die
        child.wait(timeout=120)
        s3.fault = lambda method, key: None
        with opened() as archive:
            if archive.generation == 1:
                assert everything(archive, "one") == before
        report = take_in(files)
        assert (report.documents, report.generation) == (3, 2)
        assert verify(PLACE).damages == ()
        if child.returncode == 0:
            break
    assert number > 8


def test_a_part_may_be_sent_by_another_than_commits_it(s3, tmp_path):
    """So that many write segments, and one commits them all."""
    take_in(write(tmp_path / "zero", z="zero"))
    worker, driver = StoredArchive(PLACE), StoredArchive(PLACE)
    base = read_manifest(driver)
    (record,) = base.documents
    with worker.writing():
        read_manifest(worker)
        name = worker.part_name(base.next_part)
        segment = sound_segment(worker, base.segments[0])
        live = [(0, record.id, record.first_row, record.passages)]
        target = worker.new_part(f"segments/{name}")
        merge_segments([segment], target, live=live, dimension=base.dimension)
        files = worker.send_part(f"segments/{name}")
    shutil.rmtree(tmp_path / "part-cache")
    with driver.writing():
        driver.know(files)
        moved = replace(record, segment=name, first_row=0)
        segments = (SegmentRecord(name, record.passages),)
        driver.commit(base.succeed(segments=segments, documents=(moved,)))
    assert verify(PLACE).damages == ()
    assert opened().text(1) == "zero"
