"""The manifest is whole or refused."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from docpager.archive.manifest import (
    DocumentRecord,
    FileRecord,
    Manifest,
    SegmentRecord,
    commit_manifest,
    discard_unnamed_parts,
    read_manifest,
)
from docpager.core.errors import ArchiveError

MANIFEST = Manifest(
    archive_id="a1",
    generation=3,
    embedder="hashing",
    dimension=64,
    next_document=8,
    next_part=12,
    segments=(SegmentRecord("000007", 40),),
    lexical="000008",
    deletions="000009.bitmap",
    previous_parts=("segments/000005", "lexical/000006"),
    documents=(
        DocumentRecord(
            7,
            "ab",
            'Straße "7"',
            "pdf",
            40,
            900,
            3,
            ((2, "no text layer"),),
            (("/r", "a.pdf"),),
            "000007",
            0,
        ),
    ),
    files=(FileRecord("/r", "a.pdf", 10, 20, ((7, ""),), ("page 2 has no text",), "ab"),),
)


def test_what_was_committed_is_read(tmp_path):
    commit_manifest(tmp_path, MANIFEST)

    assert read_manifest(tmp_path) == MANIFEST


def test_the_file_is_json(tmp_path):
    commit_manifest(tmp_path, MANIFEST)

    assert json.loads((tmp_path / "manifest.json").read_text("utf-8"))["generation"] == 3


def test_every_flipped_byte_is_noticed(tmp_path):
    commit_manifest(tmp_path, MANIFEST)
    path = tmp_path / "manifest.json"
    content = path.read_bytes()

    for place in range(0, len(content) - 3, 7):
        path.write_bytes(content[:place] + bytes([content[place] ^ 4]) + content[place + 1 :])
        with pytest.raises(ArchiveError, match="damaged"):
            read_manifest(tmp_path)


def test_a_cut_manifest_is_damaged(tmp_path):
    (tmp_path / "manifest.json").write_text('{"archive_id": "a')

    with pytest.raises(ArchiveError, match=r"manifest.json' is damaged; move the archive away"):
        read_manifest(tmp_path)


def test_another_format_is_named(tmp_path):
    commit_manifest(tmp_path, replace(MANIFEST, format=99))

    with pytest.raises(
        ArchiveError, match="has format 99, and this docpager reads formats 2 and 3"
    ):
        read_manifest(tmp_path)


def test_a_missing_archive_says_how_to_make_one(tmp_path):
    with pytest.raises(ArchiveError, match=r"no archive '.*none'; make one with `docpager ingest"):
        read_manifest(tmp_path / "none")


def test_another_folder_is_not_an_archive(tmp_path):
    with pytest.raises(ArchiveError, match=r"is not an archive: it has no manifest.json"):
        read_manifest(tmp_path)


def test_parts_of_the_last_two_generations_stay(tmp_path):
    for part in (*MANIFEST.parts, *MANIFEST.previous_parts, "segments/000003", "lexical/000011"):
        (tmp_path / part).mkdir(parents=True)

    discard_unnamed_parts(tmp_path, MANIFEST)

    left = {f"{path.parent.name}/{path.name}" for path in tmp_path.glob("*/*")}
    assert left == {*MANIFEST.parts, *MANIFEST.previous_parts}
