"""A dict-backed library: what a run needs of an archive, without an archive."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from docpager.archive.locating import row_of_line
from docpager.core.errors import UsageError
from docpager.core.locators import Locator, LocatorKind
from docpager.core.passages import (
    ROW_KINDS,
    DocumentEntry,
    Hit,
    Passage,
    PassageId,
    PassageRange,
)
from docpager.documents.chunking import cut, passages_of
from docpager.documents.document import Document, PdfPage, Section


@dataclass(frozen=True)
class ToyHits:
    hits: tuple[Hit, ...]
    page: int
    pages: int
    by_words: int
    by_meaning: int = 0

    @property
    def total(self) -> int:
        return self.by_words


class ToyLibrary:
    """Documents in memory; `search` counts shared words, `grep` is `re`."""

    id = "toy"
    generation = 1
    versions: ClassVar[Mapping[str, str]] = {"reader": "1", "analyzer": "1", "embedder none": "1"}

    def __init__(self, *documents: Document, directory: Path = Path("toy")) -> None:
        self.directory = directory
        self._documents = dict(enumerate(documents, 1))
        self._passages = {
            number: passages_of(each, cut(each.text), number)
            for number, each in self._documents.items()
        }

    def documents(self) -> Sequence[DocumentEntry]:
        return [self.document(number) for number in self._documents]

    def document(self, number: int) -> DocumentEntry:
        if number not in self._documents:
            raise UsageError(f"no document D{number}; there are {len(self._documents)}")
        each, passages = self._documents[number], self._passages[number]
        return DocumentEntry(
            number, each.path, each.title, each.kind, len(passages),
            sum(p.tokens for p in passages), len(each.pdf_pages), each.unreadable_pdf_pages,
        )  # fmt: skip

    def document_of(self, number: int) -> Document:
        return self._documents[number]

    def sha256(self, number: int) -> str:
        return self._documents[number].sha256

    def text_sha256(self, number: int) -> str:
        return self._documents[number].text_sha256

    def sections(self, number: int) -> Sequence[Section]:
        return self._documents[number].sections

    def row_at(self, number: int, offset: int) -> int | None:
        document = self._documents[number]
        if document.kind not in ROW_KINDS:
            return None
        return row_of_line(lambda start, end: document.text[start:end], offset)

    def page_doubts(self, number: int) -> dict[int, str]:
        return dict(self._documents[number].doubtful)

    def page_labels(self, number: int) -> Sequence[str]:
        return [page.label for page in self._documents[number].pdf_pages]

    def resolve(self, locator: Locator) -> PassageRange:
        self.document(locator.number)
        passages = self._passages[locator.number]
        match locator.kind:
            case LocatorKind.DOCUMENT:
                found = passages
            case LocatorKind.PASSAGES:
                found = [p for p in passages if locator.first <= p.ordinal <= locator.last]
                if not found or found[-1].ordinal != locator.last:
                    found = []
            case LocatorKind.PDF_PAGES:
                found = [
                    p
                    for p in passages
                    if p.pdf_pages
                    and p.pdf_pages[0] <= locator.last
                    and p.pdf_pages[1] >= locator.first
                ]
            case _:
                spans = [
                    (s.start, s.end)
                    for s in self.sections(locator.number)
                    if s.path == locator.section
                ]
                found = [p for p in passages for a, b in spans if p.start < b and p.end > a]
        if not found:
            raise UsageError(
                f"{locator} names nothing; D{locator.number} has {len(passages)} passages"
            )
        return PassageRange(locator.number, found[0].ordinal, found[-1].ordinal)

    def load_range(self, passages: PassageRange) -> Sequence[Passage]:
        return self._passages[passages.document][passages.first - 1 : passages.last]

    def search(
        self,
        query: str,
        *,
        documents: Collection[int] | None = None,
        page: int = 1,
        page_size: int = 10,
    ) -> ToyHits:
        words = set(re.findall(r"\w+", query.lower()))
        scored = [
            (-len(words & set(re.findall(r"\w+", p.text.lower()))), p.id, p)
            for p in self._all(documents)
        ]
        found = [p for score, _, p in sorted(scored, key=lambda s: s[:2]) if score]
        hits = [Hit(p.id, _around(p.text, words), p.pdf_page_at(0), "words") for p in found]
        return _paged(hits, page, page_size)

    def grep(
        self,
        pattern: str,
        *,
        documents: Collection[int] | None = None,
        page: int = 1,
        page_size: int = 10,
    ) -> ToyHits:
        try:
            compiled = re.compile(pattern)
        except re.error as error:
            raise UsageError(f"bad pattern {pattern!r}: {error}") from error
        hits = []
        for passage in self._all(documents):
            if match := compiled.search(passage.text):
                text = passage.text[max(0, match.start() - 60) : match.end() + 60]
                hits.append(
                    Hit(
                        passage.id,
                        " ".join(text.split()),
                        passage.pdf_page_at(match.start()),
                        "pattern",
                    )
                )
        return _paged(hits, page, page_size)

    def _all(self, documents: Collection[int] | None) -> list[Passage]:
        return [
            p
            for number, ps in self._passages.items()
            if documents is None or number in documents
            for p in ps
        ]


def _around(text: str, words: set[str]) -> str:
    flat = " ".join(text.split())
    at = min((flat.lower().find(word) for word in words if word in flat.lower()), default=0)
    return flat[max(0, at - 60) : at + 140]


def _paged(hits: list[Hit], page: int, page_size: int) -> ToyHits:
    pages = max(1, -(-len(hits) // page_size))
    return ToyHits(tuple(hits[(page - 1) * page_size : page * page_size]), page, pages, len(hits))


def toy_document(
    text: str,
    *,
    path: str = "a.txt",
    sections: Mapping[str, tuple[int, int]] | None = None,
    pdf_pages: Sequence[int] = (),
) -> Document:
    """A document; `sections` by number, `pdf_pages` as offsets where each begins."""
    outline = tuple(
        Section(tuple(map(int, number.split("."))), f"Section {number}", start, end)
        for number, (start, end) in (sections or {}).items()
    )
    ends = [*pdf_pages[1:], len(text)]
    pages = (
        tuple(
            PdfPage(n, str(n), start, end)
            for n, (start, end) in enumerate(zip(pdf_pages, ends, strict=True), 1)
        )
        if pdf_pages
        else ()
    )
    return Document(path, f"sha-{path}-{len(text)}", path, "text", text, pages, outline)


def passage_ids(document: int, ordinals: Collection[int]) -> set[PassageId]:
    return {PassageId(document, ordinal) for ordinal in ordinals}
