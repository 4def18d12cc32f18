"""Nothing is read by a link that leads out of the folder and was not named."""

from __future__ import annotations

import os

from docpager.documents.reasons import Reason


def test_a_link_out_of_the_folder_is_named_and_not_followed(workshop, tmp_path):
    hooks = tmp_path / "outside"
    hooks.mkdir()
    (hooks / "private.txt").write_text("of nobody's business")
    workshop.write(a_txt="one")
    (workshop.files / "b.txt").symlink_to(hooks / "private.txt")
    (workshop.files / "folder").symlink_to(hooks)

    report = workshop.ingest()

    assert workshop.paths() == {"D1": ("a.txt",)}
    assert [(file.path, file.reason) for file in report.skipped] == [
        ("b.txt", Reason.LINK),
        ("folder", Reason.LINK),
    ]
    assert "name what it leads to" in report.skipped[0].message
    assert workshop.ingest().generation == report.generation


def test_a_link_within_the_folder_is_an_equal_file(workshop):
    workshop.write(a_txt="one")
    (workshop.files / "b.txt").symlink_to(workshop.files / "a.txt")
    (workshop.files / "sub").mkdir()
    (workshop.files / "again").symlink_to(workshop.files / "sub")

    report = workshop.ingest()

    assert workshop.paths() == {"D1": ("a.txt", "b.txt")}
    assert report.skipped == []


def test_a_link_that_is_named_itself_is_followed(workshop, tmp_path):
    (tmp_path / "private.txt").write_text("mine")
    link = workshop.files / "b.txt"
    link.symlink_to(tmp_path / "private.txt")

    workshop.ingest(link)

    assert workshop.paths() == {"D1": ("b.txt",)}


def test_content_of_a_link_is_not_taken_as_known(workshop, tmp_path):
    workshop.write(a_txt="one")
    (tmp_path / "same.txt").write_text("one")
    (workshop.files / "b.txt").symlink_to(tmp_path / "same.txt")

    assert [file.path for file in workshop.ingest().skipped] == ["b.txt"]


def test_links_to_nothing_and_to_themselves_are_named(workshop):
    workshop.write(a_txt="one")
    (workshop.files / "b.txt").symlink_to(workshop.files / "gone.txt")
    (workshop.files / "c.txt").symlink_to("c.txt")
    (workshop.files / "d").symlink_to("d")
    (workshop.files / "e.zip").symlink_to("gone.zip")

    report = workshop.ingest()

    assert [(file.path, file.reason) for file in report.skipped] == [
        ("b.txt", Reason.LINK),
        ("c.txt", Reason.LINK),
    ]
    assert report.unsupported == ["d", "e.zip"]
    assert "is a link to nothing" in report.skipped[0].message
    assert workshop.ingest().generation == report.generation


def test_a_pipe_is_named_and_not_waited_for(workshop):
    workshop.write(a_txt="one", empty_md="")
    os.mkfifo(workshop.files / "pipe.txt")

    report = workshop.ingest()

    assert [(file.path, file.reason) for file in report.skipped] == [
        ("empty.md", Reason.EMPTY),
        ("pipe.txt", Reason.NOT_OPENED),
    ]
    assert "no file" in report.skipped[1].message
