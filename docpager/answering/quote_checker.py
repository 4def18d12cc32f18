"""Looks the citations of an answer up where they are said to stand."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from docpager.answering.citations import clean_quote, find_quote
from docpager.answering.library import Library
from docpager.answering.results import QuoteCheck, QuotesChecked
from docpager.core.errors import DocpagerError, FunctionError
from docpager.core.locators import Locator
from docpager.core.passages import DocumentEntry, PassageRange
from docpager.paging.rendering import one_line

__all__ = ["QuoteChecker"]


class QuoteChecker:
    """Finds quotes in an archive. `locate` reads a locator and refuses places out of scope."""

    def __init__(self, library: Library, locate: Callable[[str], Locator]) -> None:
        self._library = library
        self._locate = locate

    def check_all(self, citations: Sequence[Mapping[str, Any]]) -> QuotesChecked:
        """One check for each citation, in order."""
        return QuotesChecked(tuple(self._check(c["locator"], c["quote"]) for c in citations))

    def _check(self, written: str, quote: str) -> QuoteCheck:
        """Look first at the place itself, then beside it, then in the rest of the document."""
        cleaned = clean_quote(quote)
        try:
            cited = self._library.resolve(self._locate(written))
        except (FunctionError, DocpagerError) as error:
            return QuoteCheck(written, cleaned, "failed", problem=str(error))
        entry = self._library.document(cited.document)
        near = PassageRange(entry.id, max(1, cited.first - 1), min(entry.passages, cited.last + 1))
        everything = PassageRange(entry.id, 1, entry.passages)
        for span, repair in ((cited, False), (near, True), (everything, False)):
            if check := self._look_up(quote, span, entry, written=written, repair=repair):
                return check
        shown = one_line(cleaned, limit=60)
        problem = f"the quote {shown!r} was not found in {entry.name}; copy it exactly"
        return QuoteCheck(written, cleaned, "failed", entry.id, entry.path, problem=problem)

    def _look_up(
        self, quote: str, span: PassageRange, entry: DocumentEntry, *, written: str, repair: bool
    ) -> QuoteCheck | None:
        passages = self._library.load_range(span)
        found = find_quote(quote, passages, repair=repair)
        if found is None:
            return None
        origin = passages[0].start
        start, end = origin + found.start, origin + found.end
        touched = [p for p in passages if p.start < end and p.end > start]
        pdf_page = touched[0].pdf_page_at(start - touched[0].start)
        return QuoteCheck(
            locator=written,
            quote=found.text,
            match=found.match,
            document=entry.id,
            path=entry.path,
            pdf_page=pdf_page,
            page_label=self._label(entry.id, pdf_page),
            passages=tuple(passage.id for passage in touched),
        )

    def _label(self, document: int, pdf_page: int | None) -> str | None:
        return None if pdf_page is None else self._library.page_labels(document)[pdf_page - 1]
