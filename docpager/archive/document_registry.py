"""Which file holds which document: identity by content, over any number of ingests. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from docpager.archive.manifest import DocumentRecord, FileRecord, Manifest
from docpager.documents.ocr.recognition import SCANNED

__all__ = ["DepartedDocument", "DocumentRegistry", "missing_files", "named_documents", "told_apart"]

_LINE = re.compile(r"#\d+$")
"""What a line of a JSONL file is named with."""


@dataclass(frozen=True, slots=True)
class DepartedDocument:
    """A document that no file holds any more."""

    document: int
    replaced_by: int | None


class DocumentRegistry:
    """The documents and files of an archive while an ingest changes them."""

    def __init__(self, manifest: Manifest | None) -> None:
        self.documents: dict[int, DocumentRecord] = {}
        self.files: dict[str, FileRecord] = {}
        self.next_document = manifest.next_document if manifest else 1
        if manifest:
            self.documents = {record.id: record for record in manifest.documents}
            self.files = {record.location: record for record in manifest.files}
        self._by_content = {
            (record.sha256, record.reader): record.id for record in self.documents.values()
        }
        self._known_sizes = {record.size for record in self.files.values()}
        self._same_files: dict[str, dict[str, FileRecord]] = {}
        for record in self.files.values():
            self._same_files.setdefault(record.sha256, {})[record.reader] = record

    def is_unchanged(
        self, found: FileRecord, retries: Callable[[FileRecord], bool], *, reread: bool = False
    ) -> bool:
        """Whether a file looks as it did when it was read: no content is compared.

        One that could not be read counts as changed when `retries` says so, and with `reread` one
        that was read by older rules.
        """
        known = self.files.get(found.location)
        if known is None or (known.problems and retries(known)):
            return False
        if reread and self.is_read_by_older_rules(known):
            return False
        return _looks(known) == _looks(found) and self._is_read_as_asked(known, found)

    def _is_read_as_asked(self, known: FileRecord, found: FileRecord) -> bool:
        """Whether the settings now would read a known file otherwise.

        What was recognised once stays where recognising is not asked for; where it is, a file that
        was read without is read again if pages of it are pictures.
        """
        if known.reader == found.reader:
            return True
        if found.language:
            return not known.reader and not self._may_be_scanned(known)
        return bool(known.language) and not found.reader

    def _may_be_scanned(self, file: FileRecord) -> bool:
        in_part = bool(file.problems) and not file.reason
        return (
            in_part
            or file.reason in SCANNED
            or any(
                reason in SCANNED
                for number, _ in file.documents
                for _, reason in self.documents[number].unreadable
            )
        )

    def is_read_by_older_rules(self, file: FileRecord) -> bool:
        """Whether a document of this file would be read by other rules now."""
        return any(self.documents[number].is_read_by_older_rules for number, _ in file.documents)

    def adopt(self, found: FileRecord, *, reread: bool = False) -> bool:
        """Take a file whose content is known without reading its documents again; with `reread`
        not where they were read by older rules."""
        same = self._same_content(found)
        if same is None or same.problems or not all(map(self._is_live, same.documents)):
            return False
        if reread and self.is_read_by_older_rules(same):
            return False
        self.files[found.location] = replace(found, documents=same.documents, reader=same.reader)
        return True

    def _same_content(self, found: FileRecord) -> FileRecord | None:
        """A known file of that content that was read as is asked now."""
        alike = self._same_files.get(found.sha256, {})
        chosen = (file for file in alike.values() if self._is_read_as_asked(file, found))
        return alike.get(found.reader) or next(chosen, None)

    def number_of(self, sha256: str, reader: str) -> tuple[int, bool]:
        """The id of content, and whether its passages must be added: it is new, or comes back."""
        number = self._by_content.get((sha256, reader))
        if number is None:
            number = self._by_content[sha256, reader] = self.next_document
            self.next_document += 1
            return number, True
        return number, not self.documents[number].is_live

    def may_be_known(self, found: FileRecord) -> bool:
        """Whether a file of this size was read before, so that its content is worth comparing."""
        return found.size in self._known_sizes

    def add_document(self, record: DocumentRecord) -> None:
        self.documents[record.id] = record

    def add_file(self, record: FileRecord) -> None:
        """Note what was read from a file."""
        self.files[record.location] = record
        self._same_files.setdefault(record.sha256, {})[record.reader] = record

    def add_problems(self, found: FileRecord, problems: Sequence[str], reason: str) -> None:
        """Note that nothing can be read from a file; what was read from it earlier stays."""
        known = self.files.get(found.location)
        documents = known.documents if known else ()
        record = replace(found, documents=documents, problems=tuple(problems), reason=reason)
        self.files[found.location] = record

    def refresh(self, manifest: Manifest) -> None:
        """Take over where a commit left the documents: merges move them."""
        self.documents = {record.id: record for record in manifest.documents}

    def forget_file(self, location: str) -> None:
        del self.files[location]

    def moved(self, missing: Sequence[str]) -> list[str]:
        """Those of the missing files whose documents other files hold."""
        gone = set(missing)
        present = [file for file in self.files.values() if file.location not in gone]
        held = {number for file in present for number, _ in file.documents}
        return [
            location
            for location in missing
            if all(number in held for number, _ in self.files[location].documents)
        ]

    def settle(self, *, before: Mapping[str, FileRecord]) -> list[DepartedDocument]:
        """Give every document its paths, and let those go that no file holds any more."""
        paths = self._paths()
        known = {number for file in before.values() for number, _ in file.documents}
        fresh = {
            place: number
            for number, places in paths.items()
            if number not in known
            for place in places
        }
        departures = []
        for record in list(self.documents.values()):
            if record.id in paths:
                self.documents[record.id] = replace(record, paths=paths[record.id])
            elif record.is_live:
                heir = next((fresh[place] for place in record.paths if place in fresh), None)
                left = replace(record, segment="", first_row=0, replaced_by=heir)
                self.documents[record.id] = left
                departures.append(DepartedDocument(record.id, heir))
        return departures

    def _paths(self) -> dict[int, tuple[tuple[str, str], ...]]:
        paths: dict[int, list[tuple[str, str]]] = {}
        for file in self.files.values():
            for number, line in file.documents:
                paths.setdefault(number, []).append((file.root, file.path + line))
        return {
            number: tuple(sorted(places, key=lambda place: (place[1], place[0])))
            for number, places in paths.items()
        }

    def _is_live(self, held: tuple[int, str]) -> bool:
        record = self.documents.get(held[0])
        return record is not None and record.is_live


def _looks(file: FileRecord) -> tuple[object, ...]:
    """What is seen of a file without opening it. Size and the time of its last change are not
    enough: a corrected file of the same length may have been given the time of the old one."""
    return file.size, file.mtime_ns, file.ctime_ns, file.inode


def missing_files(
    files: Mapping[str, FileRecord], found: Sequence[FileRecord], roots: Sequence[str]
) -> list[str]:
    """Known files under `roots` that were not found there, in path order."""
    locations = {file.location for file in found}
    return sorted(
        location
        for location in files
        if location not in locations
        and any(location == root or location.startswith(root.rstrip("/") + "/") for root in roots)
    )


def named_documents(
    manifest: Manifest, records: Iterable[DocumentRecord]
) -> tuple[tuple[int, str], ...]:
    """Ids of documents, live or not, and how each is shown."""
    shown = told_apart(p for each in manifest.documents if each.is_live for p in each.paths)
    firsts = ((record.id, record.paths[0]) for record in records)
    return tuple((number, shown.get(place, place[1])) for number, place in firsts)


def told_apart(places: Iterable[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """How each (root, path) is shown: its path, preceded by as many folders of its root as tell it
    apart from the same path under another root.

    >>> shown = told_apart([("/x/a", "r.txt"), ("/x/b", "r.txt"), ("/x/b", "s.txt")])
    >>> list(shown.values())
    ['a/r.txt', 'b/r.txt', 's.txt']
    """
    places = list(dict.fromkeys(places))
    if len({root for root, _ in places}) < 2:
        return {place: place[1] for place in places}
    # Lines of a JSONL file are shown alike, whether or not the other file has as many.
    files = {place: (place[0], _LINE.sub("", place[1])) for place in places}
    folders = dict.fromkeys(files.values(), 0)
    while True:
        shown = {file: _with_folders(*file, count) for file, count in folders.items()}
        seen = Counter(shown.values())
        alike = [
            file
            for file, count in folders.items()
            if seen[shown[file]] > 1 and count < len(_folders(file[0]))
        ]
        if not alike:
            break
        for file in alike:
            folders[file] += 1
    return {place: shown[file] + place[1][len(file[1]) :] for place, file in files.items()}


def _with_folders(root: str, path: str, count: int) -> str:
    folders = _folders(root)
    return "/".join([*folders[len(folders) - count :], path])


def _folders(root: str) -> list[str]:
    return [name for name in root.split("/") if name]
