"""Finds the files that can be read, and reads one."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISDIR, S_ISREG

from docpager.core.errors import DocumentError
from docpager.documents.carried import Instructions, ReadFile, read_content
from docpager.documents.kinds import readable_suffixes
from docpager.documents.reasons import Reason
from docpager.documents.signatures import kind_of

__all__ = [
    "FoundFiles",
    "content_sha256",
    "find_files",
    "is_supported",
    "leads_out",
    "read_file",
    "refusal_of",
]

_PLAIN = Instructions()
_SAMPLE = 65_536
_MARKED_UP = b"%!PS"
"""How files begin that are text to a computer and none to a reader."""


@dataclass(frozen=True, slots=True)
class FoundFiles:
    """What stands under a path, each in path order."""

    readable: tuple[Path, ...]
    unsupported: tuple[Path, ...] = ()
    """Of kinds that are not read; files that docpager wrote itself are left out."""
    hidden: tuple[Path, ...] = ()
    """Files and folders whose names begin with a dot; what is in such a folder is not looked at."""


def find_files(root: Path, *, pictures: bool = False) -> FoundFiles:
    """The files under `root` (or `root` itself), sorted out by whether they are read.

    A file without an ending is looked into; of the others the ending decides. `pictures` are of a
    kind that is read where their text is to be recognised.

    Raises:
        DocumentError: there is nothing at `root`.
    """
    if root.is_file():
        return FoundFiles((root,))
    if not root.is_dir():
        raise DocumentError(f"there is no file or folder {str(root)!r}; check the path")
    endings = readable_suffixes(pictures=pictures)
    found: list[Path] = []
    unsupported: list[Path] = []
    hidden: list[Path] = []
    # A folder that may not be opened is taken for a file, and reported when it cannot be read.
    for folder, folders, files in os.walk(root, onerror=lambda e: found.append(Path(e.filename))):
        here = [name for name in folders if not _is_archive(Path(folder, name))]
        hidden.extend(Path(folder, name) for name in here if name.startswith("."))
        folders[:] = [name for name in here if not name.startswith(".")]
        # Links to folders are not followed; what they lead to is either here or outside.
        found.extend(Path(folder, name) for name in folders if leads_out(Path(folder, name), root))
        for name in files:
            path = Path(folder, name)
            if name.startswith("."):
                hidden.append(path)
            elif (not path.suffix and leads_out(path, root)) or _is_readable(
                path, endings, pictures=pictures
            ):
                found.append(path)
            elif not _is_own(path):
                unsupported.append(path)
    return FoundFiles(*(_in_path_order(paths, root) for paths in (found, unsupported, hidden)))


def is_supported(path: Path, *, pictures: bool = False) -> bool:
    """Whether a file that was named itself can be read: by its ending, or else by how it begins.

    A file that cannot be opened counts as supported; reading it says what is wrong.
    """
    from docpager.documents.encodings import decode_text

    if path.suffix.lower() in readable_suffixes(pictures=pictures):
        return True
    try:
        with path.open("rb") as file:
            sample = file.read(_SAMPLE)
        if sample.startswith(_MARKED_UP):
            return False
        kind = kind_of("", sample)
        if kind.is_picture:
            return pictures
        return kind.name != "text" or bool(decode_text(sample, path.name).text) or not sample
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
    # Unlike Path.resolve, this has an answer for links that lead to each other.
    return not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(root))


def refusal_of(path: Path, root: Path) -> tuple[Reason, str] | None:
    """Why `path`, found under `root`, is not opened: the reason, and what it is and to be done.

    Raises:
        OSError: nothing stands there any more.
    """
    if leads_out(path, root):
        return Reason.LINK, "is a link that leads out of the folder; name what it leads to"
    try:
        mode = path.stat().st_mode
    except OSError:
        if not path.is_symlink():
            raise
        return Reason.LINK, "is a link to nothing; delete it, or put back what it led to"
    if S_ISREG(mode) or S_ISDIR(mode):
        return None
    # To open a pipe is to wait until somebody writes into it.
    return Reason.NOT_OPENED, "is a pipe, a socket or a device, and no file; leave it out"


def _is_archive(folder: Path) -> bool:
    """Whether the folder is an archive of docpager."""
    try:
        if (folder / "segments").is_dir() and (folder / "manifest.json").is_file():
            return True
        return folder.name == ".docpager"
    except OSError:  # it may not be opened, which is reported when it is tried
        return False


def _in_path_order(paths: list[Path], root: Path) -> tuple[Path, ...]:
    return tuple(sorted(paths, key=lambda path: path.relative_to(root).as_posix()))


def _is_own(path: Path) -> bool:
    """Whether a file is the output of a batch, or is kept beside one."""
    folders = (path.parent, path.with_name(f"{path.name}.batch"))
    return any(each.suffix == ".batch" and (each / "settings.json").is_file() for each in folders)


def _is_readable(path: Path, endings: Collection[str], *, pictures: bool) -> bool:
    suffix = path.suffix.lower()
    if suffix:
        return suffix in endings
    # A pipe would be waited for until somebody writes into it.
    return path.is_file() and is_supported(path, pictures=pictures)


def read_file(path: Path, relative_path: str, instructions: Instructions = _PLAIN) -> ReadFile:
    """The documents in the file at `path`, named by `relative_path`.

    Raises:
        DocumentError: nothing in the file can be read.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise _not_opened(relative_path, error) from error
    return read_content(content, relative_path, instructions)


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
