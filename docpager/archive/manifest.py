"""The manifest: which immutable parts are the archive now. Renaming it is the commit.

A copy of it, written just before, is what a damaged one is mended from.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docpager.core.errors import ArchiveError
from docpager.core.passages import DocumentEntry
from docpager.documents.chunking import PASSAGE_TOKENS
from docpager.documents.document import READER_VERSION, Document
from docpager.storage.atomic_files import discard, replace_file
from docpager.storage.writer_lock import LOCK_FILE

if TYPE_CHECKING:
    from docpager.archive.home import Home

__all__ = [
    "CHATS",
    "COPY",
    "FORMAT",
    "MANIFEST",
    "RECOGNISED_WITH",
    "SHARDS",
    "DamagedManifest",
    "DocumentRecord",
    "FileRecord",
    "Manifest",
    "SegmentRecord",
    "StoredFile",
    "Superseded",
    "commit_manifest",
    "copy_is_sound",
    "discard_unnamed_parts",
    "mend_manifest",
    "parsed_manifest",
    "read_manifest",
    "sealed_manifest",
]

FORMAT = 3
_READABLE = (2, FORMAT)
"""Format 2 names no versions of rules and no hash of a text; what is missing has its default."""
MANIFEST = "manifest.json"
CHATS = "chats"
"""Folder of conversations beside an archive, which may be there before the archive is."""
COPY = "manifest.copy.json"
SHARDS = "shards.json"
"""In its place where an archive is one of shards."""
RECOGNISED_WITH = "ocr "
"""How `FileRecord.reader` and `DocumentRecord.reader` begin where text was recognised in pictures;
the languages follow."""
_PARTS = ("segments", "lexical", "deletions")
_TUPLES = (
    *("segments", "previous_parts", "documents", "files", "forgotten", "left_out"),
    *("commits", "stored", "retired"),
)
_SEAL = b', "sha256": "'


class DamagedManifest(ArchiveError):
    """The manifest is not as it was written."""


class Superseded(ArchiveError):
    """Another writer committed first; its generation is the archive now."""


@dataclass(frozen=True, slots=True)
class SegmentRecord:
    """One live segment."""

    name: str
    rows: int
    """Passages in it, deleted ones included."""


@dataclass(frozen=True, slots=True)
class FileRecord:
    """One file under an ingested root, as it was when it was last read."""

    root: str
    """Absolute."""
    path: str
    """Relative to the root, with `/`."""
    size: int
    mtime_ns: int
    """Last change of the content, which any program may set to what it likes."""
    documents: tuple[tuple[int, str], ...] = ()
    """What was read from it: (id, "") for most files, (id, "#17") for each line of a JSONL file."""
    problems: tuple[str, ...] = ()
    """A sentence for each part that could not be read."""
    sha256: str = ""
    """Of the whole file; empty where it could not be read."""
    reader: str = ""
    """Settings it was read with; with others it is read again. `ocr eng` where pages of it were
    recognised, or could not be: see `RECOGNISED_WITH`."""
    reason: str = ""
    """Why nothing could be read, in a word or two; empty where something was."""
    ctime_ns: int = 0
    """Last change of the content or of what is known about it, which only the system sets; 0 where
    it was not recorded, so that the content is compared once."""
    inode: int = 0
    """Number of the file on its disk: another one is another file of the same name."""

    @property
    def language(self) -> str:
        """That in which its pictures were or are to be recognised; empty where they are not."""
        has_one = self.reader.startswith(RECOGNISED_WITH)
        return self.reader.removeprefix(RECOGNISED_WITH) if has_one else ""

    def reader_of(self, document: Document) -> str:
        """The settings that made a document's text: no languages where nothing was recognised."""
        return "" if self.language and not document.is_recognised else self.reader

    @property
    def location(self) -> str:
        """Where it stands on this machine."""
        return f"{self.root.rstrip('/')}/{self.path}"


@dataclass(frozen=True, slots=True)
class DocumentRecord:
    """One document that has an id, live or not."""

    id: int
    sha256: str
    title: str
    kind: str
    passages: int
    tokens: int
    pdf_pages: int
    unreadable: tuple[tuple[int, str], ...]
    """(pdf_page, reason) of each page without usable text."""
    paths: tuple[tuple[str, str], ...]
    """(root, path relative to it), sorted by path; the last known ones where not live."""
    segment: str
    """Where its passages stand; empty where not live."""
    first_row: int
    """Row of its first passage in the segment."""
    reader: str = ""
    """Settings it was read with: part of its identity, as they change its text."""
    replaced_by: int | None = None
    text_sha256: str = ""
    """Of its text; empty where it was read before that was recorded."""
    reader_version: int = 1
    """`READER_VERSION` of the rules that made its text out of the file."""
    doubtful: tuple[tuple[int, str], ...] = ()
    """(pdf_page, reason) of each page whose text may be wrong."""

    @property
    def is_live(self) -> bool:
        return self.segment != ""

    @property
    def is_read_by_older_rules(self) -> bool:
        return self.reader_version < READER_VERSION

    def entry(self, shown: Mapping[tuple[str, str], str]) -> DocumentEntry:
        """The document as the rest of docpager sees it; `shown` is from `told_apart`."""
        paths = sorted({shown[place] for place in self.paths})
        return DocumentEntry(
            id=self.id,
            path=paths[0],
            title=self.title,
            kind=self.kind,
            passages=self.passages,
            tokens=self.tokens,
            pdf_pages=self.pdf_pages,
            unreadable_pdf_pages=tuple(number for number, _ in self.unreadable),
            other_paths=tuple(paths[1:]),
        )


@dataclass(frozen=True, slots=True)
class StoredFile:
    """One file of a part in object storage."""

    part: str
    """As in `Manifest.parts`."""
    name: str
    """In the part; empty where the part is a file."""
    bytes: int
    sha256: str
    key: str
    """Of its object; a part may take over files of the one before it."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """One generation: everything a reader needs to know before it opens a part."""

    archive_id: str
    generation: int
    embedder: str
    dimension: int
    passage_tokens: int = PASSAGE_TOKENS
    """What passages aim at."""
    next_document: int = 1
    next_part: int = 1
    segments: tuple[SegmentRecord, ...] = ()
    lexical: str = ""
    deletions: str = ""
    """Empty where nothing is deleted."""
    previous_parts: tuple[str, ...] = ()
    """Parts of the generation before, kept for those who still open it."""
    documents: tuple[DocumentRecord, ...] = ()
    files: tuple[FileRecord, ...] = ()
    forgotten: tuple[int, ...] = ()
    """Documents that were forgotten and whose text may still stand in journals."""
    left_out: tuple[tuple[str, str, int], ...] = ()
    """(root, kind, count) of files that were met in folders and are of kinds that are not read, as
    `unread_kind` calls them, or `hidden`; as of the last ingest of that root."""
    analyzer: int = 1
    """`ANALYZER_VERSION` of the rules that made the word index."""
    embedder_version: int = 1
    """`version_of` the embedder that made the vectors."""
    commits: tuple[str, ...] = ()
    """In object storage: ids of this commit and of those before it, newest first."""
    stored: tuple[StoredFile, ...] = ()
    """In object storage: the files of all parts."""
    retired: tuple[tuple[str, int], ...] = ()
    """In object storage: keys that a generation before named, and when that ended (Unix time)."""
    format: int = field(default=FORMAT)

    @property
    def parts(self) -> tuple[str, ...]:
        """Every part of this generation, as paths in the archive."""
        named = [f"segments/{segment.name}" for segment in self.segments]
        named += [f"lexical/{self.lexical}"] if self.lexical else []
        named += [f"deletions/{self.deletions}"] if self.deletions else []
        return tuple(named)

    def succeed(self, **changes: Any) -> Manifest:
        """The generation after this one."""
        return replace(self, generation=self.generation + 1, previous_parts=self.parts, **changes)


def read_manifest(directory: Home) -> Manifest:
    """The committed generation of the archive in `directory`.

    Raises:
        ArchiveError: there is no archive, or its manifest is damaged or from another format.
        StorageError: object storage cannot be read.
    """
    if not isinstance(directory, Path):
        return directory.read_manifest()
    path = directory / MANIFEST
    try:
        content = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        if (directory / COPY).is_file():
            raise _damaged(path) from None
        raise ArchiveError(_nothing_here(directory)) from None
    except OSError as error:
        raise ArchiveError(f"archive manifest '{path}' cannot be read: {error.strerror}") from error
    return _parse(path, content)


def commit_manifest(directory: Home, manifest: Manifest) -> Manifest:
    """Make `manifest` the archive, as it is returned; its parts must be on the disk already.

    Raises:
        Superseded: in object storage, another writer has committed since its base was read.
        StorageError: object storage cannot be written.
    """
    if not isinstance(directory, Path):
        return directory.commit(manifest)
    sealed = sealed_manifest(manifest)
    # The copy first. Were it second, a crash between the two would leave a committed generation
    # whose copy is the one before it, and mending from it would undo a commit. This way the copy
    # may be ahead by a generation that nobody was told of; the next commit writes it anew.
    replace_file(directory / COPY, sealed)
    replace_file(directory / MANIFEST, sealed)
    return manifest


def sealed_manifest(manifest: Manifest) -> bytes:
    """The manifest as its file holds it, with a hash of itself."""
    # The seal is the last field of the object, so that the file is plain JSON and the digest covers
    # every byte before it.
    payload = json.dumps(manifest, default=_fields, ensure_ascii=False).encode()
    digest = hashlib.sha256(payload).hexdigest().encode()
    return payload[:-1] + _SEAL + digest + b'"}\n'


def copy_is_sound(directory: Home) -> bool:
    """Whether the manifest's copy is whole; archives of before and in object storage have none."""
    if not isinstance(directory, Path):
        return True
    try:
        _read_copy(directory)
    except FileNotFoundError:
        return True
    except (DamagedManifest, OSError):
        return False
    return True


def mend_manifest(directory: Home) -> dict[str, str]:
    """Write the manifest or its copy anew from the other; what was wrong, by file.

    The caller holds the writer's lock.

    Raises:
        ArchiveError: neither is whole.
    """
    if not isinstance(directory, Path):
        directory.read_manifest()
        return {}
    try:
        read_manifest(directory)
    except DamagedManifest as error:
        try:
            manifest = _read_copy(directory)
        except (DamagedManifest, OSError):
            raise error from None
        replace_file(directory / MANIFEST, (directory / COPY).read_bytes())
        return {MANIFEST: f"put back from its copy, of generation {manifest.generation}"}
    if copy_is_sound(directory):
        return {}
    replace_file(directory / COPY, (directory / MANIFEST).read_bytes())
    return {COPY: "its bytes have changed"}


def _read_copy(directory: Path) -> Manifest:
    path = directory / COPY
    return _parse(path, path.read_bytes())


def discard_unnamed_parts(directory: Home, manifest: Manifest | None) -> None:
    """Remove parts that neither the committed generation nor the one before it names.

    In object storage others may be opening or writing them: a commit removes what was let go of
    long ago, and only what was written here is removed at once.
    """
    if not isinstance(directory, Path):
        directory.discard_unnamed()
        return
    # The generation before is kept for readers that have read its manifest and are opening its
    # files.
    named = set(manifest.parts + manifest.previous_parts) if manifest else set()
    for room in _PARTS:
        for path in (directory / room).glob("*"):
            if f"{room}/{path.name}" not in named:
                discard(path)
    # What an interrupted `replace_file` left.
    for path in directory.glob("*.new"):
        discard(path)


def _nothing_here(directory: Path) -> str:
    if not directory.exists():
        return (
            f"no archive '{directory}'; make one with `docpager ingest PATH`, "
            "or name another with `archive=`"
        )
    if not directory.is_dir():
        return f"'{directory}' is a file, not an archive; name another with `archive=`"
    if (directory / SHARDS).exists():
        return (
            f"'{directory}' is an archive of shards, which are written and checked one by one; "
            f"name one of those in its {SHARDS} with `archive=`"
        )
    if (directory / LOCK_FILE).exists():
        return (
            f"archive '{directory}' holds nothing yet: its first ingest was interrupted or still "
            "runs; ingest again"
        )
    return f"'{directory}' is not an archive: it has no {MANIFEST}; name another with `archive=`"


def _damaged(path: Path) -> DamagedManifest:
    if path.name == MANIFEST and path.with_name(COPY).is_file():
        way_out = "`docpager.repair(...)` puts its copy back"
    else:
        way_out = "move the archive away and ingest the documents again"
    return DamagedManifest(f"archive manifest '{path}' is damaged; {way_out}")


def _parse(path: Path, content: bytes) -> Manifest:
    try:
        return parsed_manifest(str(path), content)
    except DamagedManifest:
        raise _damaged(path) from None


def parsed_manifest(place: str, content: bytes) -> Manifest:
    """What a manifest's file says.

    Raises:
        DamagedManifest: it is not as it was written.
        ArchiveError: it has another format.
    """
    damaged = DamagedManifest(f"archive manifest '{place}' is damaged")
    body, seal, digest = content.rpartition(_SEAL)
    payload = body + b"}"
    if not seal or hashlib.sha256(payload).hexdigest().encode() != digest[:64]:
        raise damaged
    try:
        written = json.loads(payload)
        # The format first: another one may have other fields.
        if written["format"] in _READABLE:
            return _from_json(written)
    # The digest held, so these are a writer's bug or a digest made to fit: damage all the same to
    # whoever reads.
    except (ValueError, KeyError, TypeError):
        raise damaged from None
    readable = " and ".join(map(str, _READABLE))
    raise ArchiveError(
        f"archive '{place.removesuffix(MANIFEST)[:-1]}' has format {written['format']}, and this "
        f"docpager reads formats {readable}; use the docpager that wrote it, or ingest into "
        "another archive"
    )


def _fields(record: Any) -> dict[str, Any]:
    return {name: getattr(record, name) for name in record.__dataclass_fields__}


def _from_json(content: dict[str, Any]) -> Manifest:
    plain = {
        key: content[key]
        for key in Manifest.__dataclass_fields__
        if key in content and key not in _TUPLES
    }
    return Manifest(
        **{**plain, "format": FORMAT},
        segments=tuple(SegmentRecord(**segment) for segment in content["segments"]),
        previous_parts=tuple(content["previous_parts"]),
        documents=tuple(_document(document) for document in content["documents"]),
        files=tuple(_file(file) for file in content["files"]),
        forgotten=tuple(content.get("forgotten", ())),
        left_out=tuple((root, kind, n) for root, kind, n in content.get("left_out", ())),
        commits=tuple(content.get("commits", ())),
        stored=tuple(StoredFile(**file) for file in content.get("stored", ())),
        retired=tuple((key, since) for key, since in content.get("retired", ())),
    )


def _document(content: dict[str, Any]) -> DocumentRecord:
    content["unreadable"] = tuple((number, why) for number, why in content["unreadable"])
    content["doubtful"] = tuple((number, why) for number, why in content.get("doubtful", ()))
    content["paths"] = tuple((root, path) for root, path in content["paths"])
    return DocumentRecord(**content)


def _file(content: dict[str, Any]) -> FileRecord:
    content["documents"] = tuple((number, line) for number, line in content["documents"])
    content["problems"] = tuple(content["problems"])
    return FileRecord(**content)
