"""Files are found in path order and read by what they are."""

import hashlib
import os

import pytest
from make_pdf import make_pdf

from docpager.core.errors import DocumentError
from docpager.documents.carried import Instructions, read_content
from docpager.documents.files import content_sha256, find_files, read_file
from docpager.documents.kinds import readable_suffixes
from docpager.documents.reasons import Reason


def write(root, name, content=b"words"):
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def test_files_are_found_in_path_order_without_hidden_ones(tmp_path):
    for name in ["b.pdf", "a/z.txt", "a.md", ".docpager/x.txt", "a/.hidden.txt", "c.png", "B.PDF"]:
        write(tmp_path, name)

    found = [path.relative_to(tmp_path).as_posix() for path in find_files(tmp_path).readable]

    assert found == ["B.PDF", "a.md", "a/z.txt", "b.pdf"]


def test_a_file_that_is_named_is_taken_whatever_its_suffix(tmp_path):
    path = write(tmp_path, "notes.whatever")

    assert find_files(path).readable == (path,)


def test_files_without_an_ending_are_looked_into_but_not_through_links_and_pipes(tmp_path):
    for name, content in {"README": b"words", "core": bytes(range(256)) * 9}.items():
        write(tmp_path, f"in/{name}", content)
    write(tmp_path, "out/secret", bytes(range(256)) * 9)
    (tmp_path / "in/link").symlink_to(tmp_path / "out/secret")
    os.mkfifo(tmp_path / "in/pipe")

    found = find_files(tmp_path / "in")

    assert [path.name for path in found.readable] == ["README", "link"]
    assert [path.name for path in found.unsupported] == ["core", "pipe"]


def test_a_path_that_is_not_there_is_explained(tmp_path):
    with pytest.raises(DocumentError, match=r"no file or folder .*nowhere.*check the path"):
        find_files(tmp_path / "nowhere")


def test_each_kind_of_file_has_its_reader(tmp_path):
    kinds = {
        "a.pdf": make_pdf(["words"]),
        "pdf-by-content.txt": make_pdf(["words"]),
        "a.md": b"# Title\nwords",
        "a.jsonl": b'{"text": "words"}',
        "a.csv": b"a,b\n1,2\n",
    }
    found = [
        read_file(write(tmp_path, name, content), name).documents[0].kind
        for name, content in kinds.items()
    ]

    assert found == ["pdf", "pdf", "markdown", "record", "csv"]


def test_a_document_is_known_by_the_hash_of_its_file(tmp_path):
    path = write(tmp_path, "a.txt", b"words")

    assert content_sha256(path) == hashlib.sha256(b"words").hexdigest()
    assert read_file(path, "a.txt").documents[0].sha256 == content_sha256(path)


def test_a_file_that_cannot_be_opened_is_named(tmp_path):
    with pytest.raises(DocumentError, match=r"'gone\.txt' cannot be opened \(No such file"):
        read_file(tmp_path / "gone.txt", "gone.txt")
    with pytest.raises(DocumentError, match="cannot be opened"):
        content_sha256(tmp_path / "gone.txt")


def test_a_folder_that_may_not_be_opened_is_found_so_that_it_is_reported(tmp_path):
    closed = tmp_path / "closed"
    closed.mkdir()
    (tmp_path / "open.txt").write_text("open")
    closed.chmod(0)
    try:
        if os.access(closed, os.R_OK):
            pytest.skip("whoever runs this may open every folder")
        assert find_files(tmp_path).readable == (closed, tmp_path / "open.txt")
    finally:
        closed.chmod(0o700)


def test_a_folder_in_place_of_a_file_cannot_be_read(tmp_path):
    with pytest.raises(DocumentError, match="cannot be opened"):
        read_file(tmp_path, "folder")


@pytest.mark.parametrize("suffix", sorted(readable_suffixes(pictures=True)))
def test_an_empty_file_is_called_empty_whatever_its_kind(suffix):
    with pytest.raises(DocumentError, match="is empty") as refused:
        read_content(b"", f"a{suffix}", Instructions())

    assert refused.value.reason == Reason.EMPTY
