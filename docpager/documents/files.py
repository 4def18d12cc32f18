"""Finds the files that can be read, and reads one."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from docpager.core.errors import DocumentError
from docpager.documents.document import Document
from docpager.documents.reasons import Reason

if TYPE_CHECKING:
    from docpager.documents.pdf.attachments import AttachedFile

__all__ = [
    "READABLE_SUFFIXES",
    "FoundFiles",
    "ReadFile",
    "content_sha256",
    "find_files",
    "is_supported",
    "leads_out",
    "read_file",
]

_MARKDOWN = frozenset({".md", ".markdown", ".mdown", ".mkd"})
_RECORDS = frozenset({".jsonl", ".ndjson"})
_PROSE = frozenset(
    {".txt", ".text", ".log", ".html", ".htm", ".rst", ".tex", ".org", ".adoc", ".srt"}
)
_TABLES = frozenset({".csv", ".tsv", ".json", ".yaml", ".yml", ".toml", ".ini", ".xml", ".sql"})
_CODE = frozenset(
    {".py", ".js", ".ts", ".java", ".c", ".h", ".cpp", ".cs", ".go", ".rs", ".rb", ".sh"}
)
READABLE_SUFFIXES = _MARKDOWN | _RECORDS | _PROSE | _TABLES | _CODE | {".pdf"}
"""What `find_files` takes from a folder; a file that is named itself may have any suffix."""
_DEEPEST_ATTACHMENT = 3


@dataclass(frozen=True, slots=True)
class ReadFile:
    """What one file held: its documents, and a sentence for each part that could not be read."""

    documents: tuple[Document, ...]
    problems: tuple[str, ...] = ()


_SAMPLE = 65_536
_MARKED_UP = (b"{\\rtf", b"%!PS")
"""How files begin that are text to a computer and none to a reader."""


@dataclass(frozen=True, slots=True)
class FoundFiles:
    """What stands under a path, each in path order."""

    readable: tuple[Path, ...]
    unsupported: tuple[Path, ...] = ()
    """Of kinds that are not read; files that docpager wrote itself are left out."""


def find_files(root: Path) -> FoundFiles:
    """The files under `root` (or `root` itself), hidden ones left out.

    Raises:
        DocumentError: there is nothing at `root`.
    """
    if root.is_file():
        return FoundFiles((root,))
    if not root.is_dir():
        raise DocumentError(f"there is no file or folder {str(root)!r}; check the path")
    found: list[Path] = []
    unsupported: list[Path] = []
    # A folder that may not be opened is taken for a file, and reported when it cannot be read.
    for folder, folders, files in os.walk(root, onerror=lambda e: found.append(Path(e.filename))):
        folders[:] = [name for name in folders if not _is_left_out(Path(folder, name))]
        # Links to folders are not followed; what they lead to is either here or outside.
        found.extend(Path(folder, name) for name in folders if leads_out(Path(folder, name), root))
        for name in files:
            if _is_readable(name):
                found.append(Path(folder, name))
            elif not name.startswith(".") and not _is_own(Path(folder, name)):
                unsupported.append(Path(folder, name))
    return FoundFiles(_in_path_order(found, root), _in_path_order(unsupported, root))


def is_supported(path: Path) -> bool:
    """Whether a file that was named itself can be read: by its ending, or else by how it begins.

    A file that cannot be opened counts as supported; reading it says what is wrong.
    """
    from docpager.documents.pdf import is_pdf
    from docpager.documents.text import decode

    if path.suffix.lower() in READABLE_SUFFIXES:
        return True
    try:
        with path.open("rb") as file:
            sample = file.read(_SAMPLE)
        if sample.startswith(_MARKED_UP):
            return False
        return is_pdf(sample[:16]) or bool(decode(sample, path.name)) or not sample
    except OSError:
        return True
    except DocumentError:
        return False


def leads_out(path: Path, root: Path) -> bool:
    """Whether `path`, found under `root`, is a link to something outside of it.

    A folder that somebody made may link to a file that is none of theirs: nothing is read by a
    link that the user has not named.
    """
    if not path.is_symlink() or path == root:
        return False
    return not path.resolve().is_relative_to(root.resolve())


def _is_left_out(folder: Path) -> bool:
    """Hidden folders, and archives, wherever they are."""
    if folder.name.startswith("."):
        return True
    try:
        return (folder / "manifest.json").is_file() and (folder / "segments").is_dir()
    except OSError:  # it may not be opened, which is reported when it is tried
        return False


def _in_path_order(paths: list[Path], root: Path) -> tuple[Path, ...]:
    return tuple(sorted(paths, key=lambda path: path.relative_to(root).as_posix()))


def _is_own(path: Path) -> bool:
    """Whether a file is the output of a batch, or is kept beside one."""
    folders = (path.parent, path.with_name(f"{path.name}.batch"))
    return any(each.suffix == ".batch" and (each / "settings.json").is_file() for each in folders)


def _is_readable(name: str) -> bool:
    return not name.startswith(".") and Path(name).suffix.lower() in READABLE_SUFFIXES


def read_file(
    path: Path,
    relative_path: str,
    *,
    text_field: str | None = None,
    password: str | None = None,
    watch: Callable[[int], str | None] = lambda pdf_page: None,
) -> ReadFile:
    """The documents in the file at `path`, named by `relative_path`.

    `text_field` names the field of a JSONL line that holds its text; `password` opens a PDF;
    `watch` is told of each PDF page before it is read and returns a reason to leave it out.

    Raises:
        DocumentError: nothing in the file can be read.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise _not_opened(relative_path, error) from error
    settings = _Settings(text_field, password, watch)
    return _read_content(content, relative_path, path.suffix.lower(), settings)


@dataclass(frozen=True, slots=True)
class _Settings:
    text_field: str | None
    password: str | None
    watch: Callable[[int], str | None]
    depth: int = 0
    """How many files carry this one, each the next."""


def _read_content(content: bytes, path: str, suffix: str, settings: _Settings) -> ReadFile:
    from docpager.documents.pdf import is_pdf, read_pdf_and_attached
    from docpager.documents.text import read_jsonl, read_markdown, read_text

    if suffix == ".pdf" or is_pdf(content[:16]):
        document, attached = read_pdf_and_attached(
            content, path, password=settings.password, watch=settings.watch
        )
        return _with_attached(document, attached, settings)
    if suffix in _RECORDS:
        return ReadFile(*read_jsonl(content, path, text_field=settings.text_field))
    read = read_markdown if suffix in _MARKDOWN else read_text
    return ReadFile((read(content, path),))


def _with_attached(
    document: Document, attached: Sequence[AttachedFile], settings: _Settings
) -> ReadFile:
    """A PDF and the files that it carries, each a document `file.pdf#attached.txt`."""
    from docpager.documents.pdf import ATTACHED

    documents, problems = [document], []
    taken: set[str] = set()
    for number, file in enumerate(attached, start=1):
        path = f"{document.path}#{_free_name(file.name or f'attachment-{number}', taken)}"
        failure = file.failure or settings.watch(ATTACHED)
        suffix = PurePosixPath(file.name).suffix.lower()
        if not failure and suffix not in READABLE_SUFFIXES and b"%PDF-" not in file.content[:16]:
            failure = "docpager reads no files of this kind"
        if not failure and settings.depth >= _DEEPEST_ATTACHMENT:
            failure = "attached to a file that is itself attached"
        if failure:
            problems.append(f"{path!r} is attached and was not read ({failure}); save it by itself")
            continue
        inner = replace(
            settings,
            depth=settings.depth + 1,
            watch=lambda page: settings.watch(ATTACHED) if page > 0 else None,
        )
        try:
            found = _read_content(file.content, path, suffix, inner)
        except DocumentError as error:
            problems.append(str(error))
            continue
        documents += found.documents
        problems += found.problems
    return ReadFile(tuple(documents), tuple(problems))


def _free_name(name: str, taken: set[str]) -> str:
    """The name, or with a number where another attached file has it."""
    free, number = name, 1
    while free in taken:
        number += 1
        stem, dot, suffix = name.rpartition(".")
        free = f"{stem} ({number}){dot}{suffix}" if stem else f"{name} ({number})"
    taken.add(free)
    return free


def content_sha256(path: Path) -> str:
    """Hash of the file's bytes, as in `Document.sha256`.

    Raises:
        DocumentError: the file cannot be opened.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise _not_opened(str(path), error) from error


def _not_opened(path: str, error: OSError) -> DocumentError:
    detail = error.strerror or type(error).__name__
    return DocumentError(f"{path!r} cannot be opened ({detail}); check it", Reason.NOT_OPENED)
