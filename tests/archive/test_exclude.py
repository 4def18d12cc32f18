"""Files and folders that are left out."""

from __future__ import annotations

import pytest

from docpager.archive.ingest import ingest
from docpager.archive.ingest_files import ReadingSettings
from docpager.testing import HashingEmbedder

PATHS = ["a.txt", "drafts/b.txt", "drafts/old/c.md", "notes/drafts.txt", "notes/d.md"]


@pytest.fixture
def folder(tmp_path):
    for path in PATHS:
        place = tmp_path / "files" / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(f"the text of {path}")
    return tmp_path / "files"


def ingested(folder, *exclude, prune=False):
    settings = ReadingSettings(exclude=exclude)
    return ingest(
        [folder], folder.parent / "archive", embedder=HashingEmbedder(), reading=settings,
        prune=prune,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("glob", "left"),
    [
        ("drafts", {"a.txt", "notes/drafts.txt", "notes/d.md"}),
        ("drafts/", {"a.txt", "notes/drafts.txt", "notes/d.md"}),
        ("*.md", {"a.txt", "drafts/b.txt", "notes/drafts.txt"}),
        ("drafts/*.txt", {"a.txt", "drafts/old/c.md", "notes/drafts.txt", "notes/d.md"}),
        ("old", {"a.txt", "drafts/b.txt", "notes/drafts.txt", "notes/d.md"}),
        ("text", set(PATHS)),
    ],
)
def test_a_glob_fits_names_paths_and_folders(glob, left):
    settings = ReadingSettings(exclude=[glob])

    assert {path for path in PATHS if not settings.leaves_out(path)} == left


def test_excluded_files_are_not_ingested(folder):
    assert ingested(folder, "drafts", "*.md").files == 2


def test_what_is_excluded_later_is_kept_until_pruned(folder):
    ingested(folder)

    kept = ingested(folder, "*.md")
    pruned = ingested(folder, "*.md", prune=True)

    assert (kept.documents, len(kept.missing)) == (5, 2)
    assert (pruned.documents, pruned.removed, pruned.missing) == (3, 2, [])
