"""Every kind of damage is found and named, and mended where something sound is left."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest
from make_pdf import make_pdf

from docpager.archive.integrity import repair, verify
from docpager.archive.manifest import commit_manifest, read_manifest
from docpager.core.errors import ArchiveError
from docpager.storage.atomic_files import discard
from docpager.testing import HashingEmbedder


@pytest.fixture
def worn(workshop):
    """An archive of three segments, with a deletion."""
    workshop.write(a_txt="alpha of the river", r_jsonl='{"text": "one"}\n{"text": "two"}')
    workshop.ingest()
    pages = ["Sales of copper.", "", "Sales of tin."]
    (workshop.files / "b.pdf").write_bytes(make_pdf(pages, outline=[(0, "Sales", 1)]))
    workshop.ingest()
    workshop.write(a_txt="alpha of the river, rewritten")
    workshop.ingest()
    assert verify(workshop.directory).damages == ()
    return workshop


def named_files(workshop):
    manifest = read_manifest(workshop.directory)
    for part in manifest.parts:
        place = workshop.directory / part
        files = sorted(place.iterdir()) if place.is_dir() else [place]
        yield from (path for path in files if not path.name.endswith(".lock"))


def flip(path, place):
    content = bytearray(path.read_bytes())
    content[int(place * (len(content) - 1))] ^= 0x10
    path.unlink()  # the file before it may be the same one, linked
    path.write_bytes(content)


def mend(workshop):
    return repair(workshop.directory, embedder=HashingEmbedder(), source=workshop.source())


def contents(workshop):
    archive = workshop.open()
    return {
        entry.id: (entry, archive.text(entry.id), archive.sections(entry.id))
        for entry in archive.documents()
    }


def test_an_archive_is_sound_from_the_first_ingest_on(workshop):
    workshop.ingest()
    workshop.write(a_txt="one")
    workshop.ingest()

    report = verify(workshop.directory)

    assert report.damages == ()
    assert (report.documents, report.passages, report.parts) == (1, 1, 2)


@pytest.mark.parametrize("place", [0.0, 0.31, 0.77, 1.0])
def test_every_flipped_byte_is_found_and_mended(worn, place):
    before, results = contents(worn), worn.open().search("sales river one")
    names = [path.relative_to(worn.directory) for path in named_files(worn)]
    assert len(names) > 20
    for name in names:
        whole = worn.directory.with_name("whole")
        shutil.copytree(worn.directory, whole)
        flip(worn.directory / name, place)

        damages = verify(worn.directory).damages
        assert name.as_posix().startswith(damages[0].part), name
        done = mend(worn)

        assert done.damages and not done.lost
        assert verify(worn.directory).damages == ()
        assert contents(worn) == before
        found = worn.open().search("sales river one")
        assert (found.by_words, len(found.hits)) == (results.by_words, len(results.hits))
        discard(worn.directory)
        whole.rename(worn.directory)


def test_every_missing_file_is_found_and_mended(worn):
    before = contents(worn)
    for path in list(named_files(worn)):
        whole = worn.directory.with_name("whole")
        shutil.copytree(worn.directory, whole)
        path.unlink()

        damages = verify(worn.directory).damages
        assert path.relative_to(worn.directory).as_posix().startswith(damages[0].part), path
        assert damages[0].problem in ("it is missing", "it cannot be read")
        mend(worn)

        assert contents(worn) == before
        discard(worn.directory)
        whole.rename(worn.directory)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"passages": 2}, "claims rows of others"),
        ({"tokens": 9999}, "another size"),
        ({"first_row": 1}, "claims rows of others"),
        ({"id": 77}, "is taken"),
    ],
)
def test_wrong_counts_are_found(workshop, change, said):
    workshop.write(a_txt="one")
    workshop.ingest()
    manifest = read_manifest(workshop.directory)
    (record,) = manifest.documents
    commit_manifest(workshop.directory, replace(manifest, documents=(replace(record, **change),)))

    damages = verify(workshop.directory).damages

    assert any(said in damage.problem for damage in damages)


def test_what_cannot_be_rebuilt_is_named_and_read_again_when_it_is_back(worn):
    (worn.files / "a.txt").write_text("something else by now")
    for path in worn.directory.glob("segments/*/passages.arrow"):
        flip(path, 0.5)

    done = mend(worn)

    assert {number for number, _ in done.read_again} == {2, 3, 4}
    assert [path for _, path in done.lost] == ["a.txt"]
    assert verify(worn.directory).damages == ()
    worn.ingest()
    assert contents(worn)[6][1] == "something else by now"


def test_a_line_that_is_lost_leaves_its_neighbours(workshop):
    workshop.write(r_jsonl='{"text": "one"}\n{"text": "two"}')
    workshop.ingest()
    workshop.write(r_jsonl='{"text": "one"}\n{"text": "2nd"}')
    flip(next(workshop.directory.glob("segments/*/passages.arrow")), 0.5)

    done = mend(workshop)

    assert done.lost == ((2, "r.jsonl#2"),)
    assert verify(workshop.directory).damages == ()
    workshop.ingest()
    assert workshop.paths() == {"D1": ("r.jsonl#1",), "D3": ("r.jsonl#2",)}


def test_lost_vectors_are_made_again_without_the_files(worn):
    found = worn.open().search("sales of tin")
    for path in worn.files.iterdir():
        path.unlink()
    for path in worn.directory.glob("segments/*/vectors.faiss"):
        flip(path, 0.9)

    done = mend(worn)

    assert (done.read_again, done.lost) == ((), ())
    assert worn.open().search("sales of tin").hits[0] == found.hits[0]


def test_a_sound_archive_is_left_alone(worn):
    assert mend(worn).damages == ()
    assert read_manifest(worn.directory).generation == 3


@pytest.mark.parametrize("harm", [lambda path: flip(path, 0.4), lambda path: path.unlink()])
def test_a_damaged_manifest_is_put_back_from_its_copy(worn, harm):
    before, manifest = contents(worn), read_manifest(worn.directory)
    harm(worn.directory / "manifest.json")

    with pytest.raises(ArchiveError, match=r"is damaged; `docpager.repair\(...\)` puts its"):
        verify(worn.directory)
    with pytest.raises(ArchiveError, match="is damaged"):
        worn.ingest()
    done = mend(worn)

    assert [str(damage) for damage in done.damages] == [
        "manifest.json: put back from its copy, of generation 3"
    ]
    assert read_manifest(worn.directory) == manifest
    assert contents(worn) == before
    assert verify(worn.directory).damages == ()


def test_a_damaged_copy_is_written_anew(worn):
    manifest = read_manifest(worn.directory)
    flip(worn.directory / "manifest.copy.json", 0.6)

    assert [str(damage) for damage in verify(worn.directory).damages] == [
        "manifest.copy.json: its bytes have changed"
    ]
    assert len(mend(worn).damages) == 1
    assert verify(worn.directory).damages == ()
    assert read_manifest(worn.directory) == manifest


def test_with_both_damaged_nothing_is_touched(worn):
    for name in ("manifest.json", "manifest.copy.json"):
        flip(worn.directory / name, 0.5)

    with pytest.raises(ArchiveError, match="is damaged"):
        mend(worn)
    assert len(list((worn.directory / "segments").iterdir())) >= 3


def test_an_archive_of_before_has_no_copy_and_is_sound(worn):
    (worn.directory / "manifest.copy.json").unlink()

    assert verify(worn.directory).damages == ()
