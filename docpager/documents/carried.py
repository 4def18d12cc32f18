"""What one file holds: documents, and the files that it carries, which are read in their turn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from docpager.core.errors import DocumentError
from docpager.documents.document import Document
from docpager.documents.kinds import readable_suffixes, reader_of
from docpager.documents.ocr.recognition import Recogniser
from docpager.documents.page_picture import PageDrawer
from docpager.documents.reasons import Reason
from docpager.documents.signatures import kind_of

__all__ = ["ATTACHED", "CarriedFile", "FileContents", "Instructions", "ReadFile", "read_content"]

ATTACHED = -2
"""What `watch` is told instead of a page, before a carried file is read."""
_DEEPEST = 3
"""How many files may carry each the next; the hostile ones carry themselves."""
_MOST_DOCUMENTS = 10_000
"""Of one file and all that it carries."""
_MOST_CARRIED_BYTES = 500_000_000
"""Of all files that one file carries, those that they carry among them; a reader has 2 GB."""


class CarriedBudget:
    """Bytes that carried files may still have, of one outer file."""

    def __init__(self) -> None:
        self._left = _MOST_CARRIED_BYTES

    def take(self, count: int) -> bool:
        """Whether so many more may be read; they are taken off if so."""
        if count > self._left:
            return False
        self._left -= count
        return True


@dataclass(frozen=True, slots=True)
class CarriedFile:
    """A file inside another: attached to a PDF or a mail."""

    name: str
    """As the file around it calls it, without folders; may be empty. It is data: no path is ever
    made of it."""
    content: bytes = field(default=b"", repr=False)
    failure: str = ""
    """Why its content could not be had; empty where it could."""


@dataclass(frozen=True, slots=True)
class FileContents:
    """What a reader found in one file."""

    documents: tuple[Document, ...]
    problems: tuple[str, ...] = ()
    """A sentence for each part that could not be read."""
    carried: tuple[CarriedFile, ...] = ()
    """Files to be read as documents of their own, `file.eml#attached.pdf`."""


@dataclass(frozen=True, slots=True)
class ReadFile:
    """What one file held: its documents, and a sentence for each part that could not be read."""

    documents: tuple[Document, ...]
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Instructions:
    """What a reader is told beside the file."""

    text_field: str | None = None
    """The field of a JSONL line that holds its text; guessed where None."""
    password: str | None = field(default=None, repr=False)
    """Opens the file where it is encrypted."""
    watch: Callable[[int], str | None] = lambda page: None
    """Told of each page (counted from 1) before it is read; returns a reason to leave it out."""
    recogniser: Recogniser | None = None
    """Knows what was recognised on pages that are pictures; None: they are not to be."""
    drawer: PageDrawer | None = None
    """Where one page is to be drawn, and nothing read."""
    depth: int = 0
    """How many files carry this one, each the next."""
    budget: CarriedBudget = field(default_factory=CarriedBudget, repr=False)
    """Shared by a file and all that it carries."""


def read_content(content: bytes, path: str, instructions: Instructions) -> ReadFile:
    """The documents in a file's bytes, and in the files that it carries.

    Raises:
        DocumentError: nothing in it can be read.
    """
    if not content:
        raise DocumentError(f"{path!r} is empty; fetch it again or leave it out", Reason.EMPTY)
    if instructions.depth == 0:
        instructions = replace(instructions, budget=CarriedBudget())
    found = _read_itself(content, path, instructions)
    documents, problems = list(found.documents), list(found.problems)
    taken: set[str] = set()
    for number, file in enumerate(found.carried, start=1):
        inner_path = f"{path}#{_free_name(file.name or f'attachment-{number}', taken)}"
        failure = _why_not(file, instructions, documents)
        if failure:
            problems.append(
                f"{inner_path!r} is attached and was not read ({failure}); save it by itself"
            )
            continue
        try:
            inner = read_content(file.content, inner_path, _for_carried(instructions))
        except DocumentError as error:
            problems.append(str(error))
            continue
        documents += inner.documents
        problems += inner.problems
    return ReadFile(tuple(documents), tuple(problems))


def _read_itself(content: bytes, path: str, instructions: Instructions) -> FileContents:
    """What the file's own reader finds in it.

    Raises:
        DocumentError: nothing in it can be read; the message names the file.
    """
    try:
        return reader_of(kind_of(path, content), path)(content, path, instructions)
    except DocumentError as error:
        # What is met deep inside a page or a table does not know which file that is in.
        if repr(path)[:-1] in str(error):
            raise
        raise DocumentError(f"{path!r} {error}", error.reason) from error


def _why_not(
    file: CarriedFile, instructions: Instructions, documents: Sequence[Document]
) -> str | None:
    failure = file.failure or instructions.watch(ATTACHED)
    if failure:
        return failure
    kind = kind_of(file.name, file.content)
    suffix = f".{file.name.rpartition('.')[2].lower()}"
    if kind.name == "text" and suffix not in readable_suffixes(pictures=True):
        return "docpager reads no files of this kind"
    if instructions.depth >= _DEEPEST:
        return "attached to a file that is itself attached"
    if len(documents) >= _MOST_DOCUMENTS:
        return f"the file holds more than {_MOST_DOCUMENTS:,} documents"
    if not instructions.budget.take(len(file.content)):
        return f"the file carries more than {_MOST_CARRIED_BYTES:,} bytes"
    return None


def _for_carried(instructions: Instructions) -> Instructions:
    """Pages of a carried file are counted as one: its reader is told of no page."""
    return replace(
        instructions,
        depth=instructions.depth + 1,
        watch=lambda page: instructions.watch(ATTACHED) if page > 0 else None,
    )


def _free_name(name: str, taken: set[str]) -> str:
    """The name, or with a number where another carried file has it."""
    free, number = name, 1
    while free in taken:
        number += 1
        stem, dot, suffix = name.rpartition(".")
        free = f"{stem} ({number}){dot}{suffix}" if stem else f"{name} ({number})"
    taken.add(free)
    return free
