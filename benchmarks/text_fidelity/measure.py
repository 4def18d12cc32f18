"""One PDF: docpager's stored text, and others', by page against what two judges agree on."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.text_fidelity.cache import PageCache
from benchmarks.text_fidelity.readers import JUDGES, PageRead, PageReader
from benchmarks.text_fidelity.words import agreed, f1, figures, words
from docpager.core.errors import DocumentError
from docpager.documents.document import PdfPage
from docpager.documents.files import content_sha256
from docpager.documents.reader_pool import Reader, ReadingLimits
from docpager.documents.reader_process import ReadingJob

__all__ = [
    "FEWEST_WORDS",
    "PEERS",
    "READERS",
    "MeasuredFile",
    "MeasuredPage",
    "Outsiders",
    "PageTexts",
    "in_half",
    "measure_file",
    "own_record",
    "page_texts",
]

PEERS = ("pypdf", "pdfium")
"""Readers that docpager must not be poorer than; what they give is taken as it comes."""
READERS = ("docpager", *PEERS, *JUDGES)
FEWEST_WORDS = 20
"""Pages with fewer agreed words are left out: one word would be a share of .05."""


@dataclass(frozen=True, slots=True)
class Outsiders:
    """The readers beside docpager, the cache, and who fills it."""

    cache: PageCache
    peers: Sequence[PageReader]
    judges: Callable[[], Sequence[PageReader]]
    """Called only where pages of theirs are missing."""
    check_versions: bool
    """Whether the judges at hand must be the ones whose pages are in the cache."""


@dataclass(frozen=True, slots=True)
class PageTexts:
    """One page as each reader gives it."""

    page: int
    texts: Mapping[str, str]
    """By reader; empty where it failed."""
    failures: Mapping[str, str]
    problem: str | None
    """What docpager says is wrong with the page."""
    read_by: str | None
    notes: tuple[str, ...]
    """Rules of docpager's that depart from what stands in the file on purpose."""


@dataclass(frozen=True, slots=True)
class MeasuredPage:
    """One page against the judges."""

    file: str
    page: int
    judged_words: int
    judged_figures: int
    words: Mapping[str, float]
    """F1 by reader."""
    figures: Mapping[str, float]
    problem: str | None
    read_by: str | None
    notes: tuple[str, ...]
    failures: Mapping[str, str]

    @property
    def is_judged(self) -> bool:
        return self.judged_words >= FEWEST_WORDS

    def poorer_by(self, measure: str) -> float:
        """How far docpager's F1 (`words` or `figures`) is below the better peer's; negative where
        it is above."""
        scores = self.words if measure == "words" else self.figures
        return max(scores[peer] for peer in PEERS) - scores["docpager"]


@dataclass(frozen=True, slots=True)
class MeasuredFile:
    """The pages of one file that were looked at."""

    file: str
    pages_in_file: int
    refusal: str | None
    """Why docpager read nothing of it: its pages count as empty."""
    pages: tuple[MeasuredPage, ...] = ()
    versions: frozenset[str] = frozenset()
    """Of the peers and judges, with their names."""


def in_half(path: Path, half: str | None) -> bool:
    """Whether a file belongs to a half, `even` or `odd`: the parity of its name's sha256."""
    parity = int(hashlib.sha256(path.name.encode()).hexdigest(), 16) % 2
    return half is None or parity == ("even", "odd").index(half)


def measure_file(path: Path, name: str, outsiders: Outsiders, *, every: int = 1) -> MeasuredFile:
    """The pages 1, 1 + every, 1 + 2 * every, ... of a PDF."""
    count, texts, refusal = page_texts(path, name, outsiders, every=every)
    sha256 = content_sha256(path)
    versions = [outsiders.cache.versions(sha256, reader) for reader in (*PEERS, *JUDGES)]
    pages = tuple(_measured(name, each) for each in texts)
    return MeasuredFile(name, count, refusal, pages, frozenset().union(*versions))


def page_texts(
    path: Path, name: str, outsiders: Outsiders, *, every: int = 1, only: int | None = None
) -> tuple[int, list[PageTexts], str | None]:
    """The number of pages, what everybody gives for each wanted one, and why docpager refused.

    Raises:
        UsageError: pages of the judges are missing, and so are the judges.
    """
    stored = _StoredText(path, name)
    sha256 = content_sha256(path)
    count = max(_count(path, sha256, outsiders), len(stored.pages))
    wanted = [only] if only is not None else list(range(1, count + 1, every))
    others = {
        peer.name: _filled(path, sha256, peer, wanted, outsiders.cache) for peer in outsiders.peers
    }
    others |= _judged(path, sha256, wanted, outsiders)
    why = None if stored.refusal is None else str(stored.refusal)
    return count, [_page_texts(page, stored, others) for page in wanted], why


class _StoredText:
    """What docpager's ingest would store of a file."""

    def __init__(self, path: Path, name: str) -> None:
        self.pages: Mapping[int, tuple[PdfPage, str]] = {}
        self.refusal: DocumentError | None = None
        # The reader of ingest, in a process of its own: a file that kills it is a refusal here.
        reader = Reader(ReadingLimits(processes=1))
        try:
            read = reader.read(ReadingJob(path.resolve(), name))
        finally:
            reader.stop()
            reader.close()
        if isinstance(read, DocumentError):
            self.refusal = read
            return
        document = next(each.document for each in read.documents if each.document.path == name)
        self.pages = {
            page.number: (page, document.text[page.start : page.end]) for page in document.pdf_pages
        }


def _page_texts(
    page: int, stored: _StoredText, others: Mapping[str, Mapping[int, PageRead]]
) -> PageTexts:
    own, text = stored.pages.get(page, (None, ""))
    read_by, notes = own_record(own)
    reads = {name: pages[page] for name, pages in others.items()}
    return PageTexts(
        page,
        {"docpager": text, **{name: read.text for name, read in reads.items()}},
        {name: read.failure for name, read in reads.items() if read.failure},
        own.problem if own else stored.refusal.reason if stored.refusal else None,
        read_by,
        notes,
    )


def own_record(page: object) -> tuple[str | None, tuple[str, ...]]:
    """Who read a page for docpager, and its rules that depart from the judges on purpose.

    They are the fields `reader` and `notes` of the stored page, which a version of docpager may
    have or not.
    """
    read_by, notes = getattr(page, "reader", None), getattr(page, "notes", None) or ()
    said = (notes,) if isinstance(notes, str) else tuple(map(str, notes))
    return (None if read_by is None else str(read_by)), said


def _measured(name: str, page: PageTexts) -> MeasuredPage:
    bags = {reader: words(page.texts[reader]) for reader in READERS}
    wanted = agreed([bags[judge] for judge in JUDGES])
    return MeasuredPage(
        name,
        page.page,
        wanted.total(),
        figures(wanted).total(),
        {reader: round(f1(bag, wanted), 4) for reader, bag in bags.items()},
        {reader: round(f1(figures(bag), figures(wanted)), 4) for reader, bag in bags.items()},
        page.problem,
        page.read_by,
        page.notes,
        page.failures,
    )


def _count(path: Path, sha256: str, outsiders: Outsiders) -> int:
    kept = outsiders.cache.count(sha256)
    if kept is not None:
        return kept
    for reader in (*outsiders.peers, *outsiders.judges()):
        found = reader.count(path)
        if found:
            outsiders.cache.keep_count(sha256, path.name, found, reader.version)
            return found
    return 0


def _judged(
    path: Path, sha256: str, wanted: Sequence[int], outsiders: Outsiders
) -> dict[str, Mapping[int, PageRead]]:
    if not outsiders.check_versions:
        kept = {judge: outsiders.cache.pages(sha256, judge, None) for judge in JUDGES}
        if all(page in pages for pages in kept.values() for page in wanted):
            return kept
    return {
        judge.name: _filled(path, sha256, judge, wanted, outsiders.cache)
        for judge in outsiders.judges()
    }


def _filled(
    path: Path, sha256: str, reader: PageReader, wanted: Sequence[int], cache: PageCache
) -> Mapping[int, PageRead]:
    """The wanted pages, those not in the cache yet read now."""
    kept = dict(cache.pages(sha256, reader.name, reader.version))
    missing = [page for page in wanted if page not in kept]
    for read in reader.read(path, missing) if missing else ():
        cache.keep(sha256, reader.name, reader.version, read)
        kept[read.page] = read
    return kept
