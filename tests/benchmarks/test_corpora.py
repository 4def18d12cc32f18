"""Shelves: built once for the same documents, anew for others."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from benchmarks.corpora import build_corpora, open_corpus
from benchmarks.tasks.task import DocumentSet
from docpager import __version__
from docpager.core.errors import DocumentError


def _write(text: str, folder: Path) -> None:
    (folder / "a.txt").write_text(text)


def _shelf(folder: Path, text: str, *, version: str = __version__) -> Path:
    """The place of a set that is always called the same."""
    sets = [DocumentSet("bridges-1", partial(_write, text))]
    with ThreadPoolExecutor(1) as pool:
        return build_corpora(sets, folder, pool, lambda said: None, version=version)["bridges-1"]


def _text_of(shelf: Path) -> str:
    archive = open_corpus(shelf)
    return "".join(archive.text(entry.id) for entry in archive.documents())


def test_documents_that_changed_under_the_same_name_are_ingested_again(tmp_path: Path) -> None:
    earlier = _shelf(tmp_path, "The bridge cost 61 ells.\n")
    later = _shelf(tmp_path, "The bridge cost 62 ells.\n")

    assert "61 ells" in _text_of(earlier)
    assert "62 ells" in _text_of(later)


def test_unchanged_documents_are_not_ingested_again(tmp_path: Path) -> None:
    first = _shelf(tmp_path, "The bridge cost 61 ells.\n")
    (first / "archive" / "mark").touch()

    assert _shelf(tmp_path, "The bridge cost 61 ells.\n") == first
    assert (first / "archive" / "mark").exists()
    assert {path.name for path in tmp_path.iterdir()} == {"building.lock", first.name}


def test_an_archive_of_another_version_is_not_used(tmp_path: Path) -> None:
    now = _shelf(tmp_path, "The bridge cost 61 ells.\n")

    assert _shelf(tmp_path, "The bridge cost 61 ells.\n", version="0.0.1") != now


def test_a_shelf_whose_ingest_was_interrupted_is_built_again(tmp_path: Path) -> None:
    place = _shelf(tmp_path, "The bridge cost 61 ells.\n")
    (place / "done.json").unlink()
    (place / "documents" / "half.txt").write_text("Half of a document.\n")

    assert _shelf(tmp_path, "The bridge cost 61 ells.\n") == place
    assert "Half" not in _text_of(place)


def test_a_set_without_a_readable_document_is_named(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match=r"nothing readable in .*bridges-1-"):
        _shelf(tmp_path, "")
