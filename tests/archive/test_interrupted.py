"""An interrupted ingest keeps what it committed and goes on from there."""

from __future__ import annotations

import pytest

from docpager.archive.ingest import ingest
from docpager.archive.ingest_session import IngestProgress
from docpager.testing import HashingEmbedder

pytestmark = pytest.mark.usefixtures("own_readers")


def interrupt_at(file: int):
    def progress(reached: IngestProgress) -> None:
        if reached.files == file:
            raise KeyboardInterrupt

    return progress


def ingest_in_batches(workshop, progress=None):
    return ingest(
        [workshop.files],
        workshop.directory,
        embedder=HashingEmbedder(),
        source=workshop.source(),
        progress=progress,
        commit_passages=1,
    )


def test_what_was_committed_is_not_read_again(workshop):
    workshop.write(**{f"f{n}_txt": f"text number {n}" for n in range(6)})
    with pytest.raises(KeyboardInterrupt):
        ingest_in_batches(workshop, interrupt_at(4))
    assert workshop.paths() == {f"D{n + 1}": (f"f{n}.txt",) for n in range(3)}

    report = workshop.ingest()

    assert workshop.read_paths == ["f3.txt", "f4.txt", "f5.txt"]
    assert (report.new, report.documents) == (3, 6)
    assert workshop.paths() == {f"D{n + 1}": (f"f{n}.txt",) for n in range(6)}


def test_a_changed_file_is_old_or_new_at_every_commit(workshop):
    workshop.write(**{f"f{n}_txt": f"old text {n}" for n in range(4)})
    workshop.ingest()
    workshop.write(**{f"f{n}_txt": f"a newer text {n}" for n in range(4)})
    with pytest.raises(KeyboardInterrupt):
        ingest_in_batches(workshop, interrupt_at(3))

    archive = workshop.open()
    assert {entry.path: archive.text(entry.id) for entry in archive.documents()} == {
        "f0.txt": "a newer text 0",
        "f1.txt": "a newer text 1",
        "f2.txt": "old text 2",
        "f3.txt": "old text 3",
    }
    with pytest.raises(LookupError, match=r"D2 \(f1.txt\) was replaced by D6"):
        archive.document(2)

    workshop.ingest()
    assert sorted(workshop.paths()) == ["D5", "D6", "D7", "D8"]


def test_many_small_commits_give_what_one_gives(workshop, tmp_path):
    texts = {f"f{n:02d}_txt": f"the river report {n} of winter {n % 3}" for n in range(20)}
    workshop.write(**texts)
    report = ingest_in_batches(workshop)
    many = workshop.open()
    workshop.directory = tmp_path / "at-once"
    workshop.ingest()
    once = workshop.open()

    assert (report.new, report.generation) == (20, 20)
    assert many.documents() == once.documents()
    assert many.search("winter report", page_size=50) == once.search("winter report", page_size=50)
    assert len(list((tmp_path / "archive" / "segments").iterdir())) <= 16


def test_moved_and_changed_files_settle_in_one_ingest_of_many_commits(workshop):
    workshop.write(a_txt="first", b_txt="second", c_txt="third")
    workshop.ingest()
    (workshop.files / "a.txt").rename(workshop.files / "z.txt")
    workshop.write(b_txt="second, changed", d_txt="fourth")

    report = ingest_in_batches(workshop)

    assert workshop.paths() == {
        "D1": ("z.txt",), "D3": ("c.txt",), "D4": ("b.txt",), "D5": ("d.txt",),
    }  # fmt: skip
    assert (report.new, report.changed, report.removed, report.missing) == (2, 1, 0, [])
