"""Finds the quotes of citations where they are said to stand, then beside, then in the document.

A quote is found exactly, or but for typography, or nearly; or it is not there. Tells also whether
the model had before it what it quotes: in main context, or in a note copied from there.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rapidfuzz import fuzz
from rapidfuzz.distance import Levenshtein

from docpager.core.errors import DocpagerError, FunctionError
from docpager.core.locators import Locator, LocatorKind
from docpager.core.passages import DocumentEntry, Note, Passage, PassageId, PassageRange
from docpager.core.pictures import PictureId, picture_named
from docpager.core.places import Place, place_in
from docpager.core.visible import TAGS, without_tags
from docpager.paging.rendering import one_line
from docpager.run.archival_storage import ArchivalStorage
from docpager.run.page_pictures import page_trouble
from docpager.run.question_names import missing_names
from docpager.run.tool_results import QuoteCheck, QuotesChecked

__all__ = ["QuoteChecker", "QuoteMatch", "clean_quote", "find_quote", "flat", "mark_seen", "review"]

LEAST_WORDS_ANYWHERE = 3
"""Words of a quote that is looked for where it is not said to stand: few stand anywhere."""

LEAST_WORDS_REPAIRED = 6
"""Words of a quote that is repaired there: of fewer, a tenth of the letters may be what it says."""

SHORTEST_QUOTE = 2
"""Characters below which a quote proves nothing."""

MOST_DIFFERENCE = 0.10
"""Share of a quote's characters that may differ when it is repaired; its numbers may not."""

_HEADER = re.compile(r"\[[DTM]\d+:c\d+(?: p\d+)?\]\n?")
_PAGE_MARK = re.compile(r"\[p\d+\]")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_QUOTES = "\"'`´‘’‚‛“”„‟«»‹›′″"
_DASHES = "-‐‑‒–—−"
_SOFT = "\u00ad\u200b\ufeff"
_INVISIBLE = re.compile(rf"[\s{_SOFT}]")
_UNSPACED = (
    "\u2e80-\u2fdf\u3005-\u3007\u3021-\u30ff\u31f0-\u31ff\u3400-\u9fff\uf900-\ufaff\uff66-\uff9f"
    + ("\U00020000-\U0003ffff")
)
"""Chinese and Japanese signs: they stand without spaces, so a line may end between any two."""
_IS_UNSPACED = re.compile(f"[{_UNSPACED}]")
_RADICALS = {
    unicodedata.normalize("NFKC", radical): radical
    for radical in map(chr, range(0x2E80, 0x2FD6))
    if unicodedata.normalize("NFKC", radical) != radical
}
"""Signs by the radical that looks the same, which fonts of some systems and OCR write instead."""


@dataclass(frozen=True, slots=True)
class QuoteMatch:
    """Where a quote stands in a run of passages."""

    match: str
    """`exact`, `normalised` or `repaired`."""
    text: str
    """The archive's own wording."""
    start: int
    """Offset in the passages' joined text."""

    @property
    def end(self) -> int:
        return self.start + len(self.text)


def clean_quote(quote: str) -> str:
    """A quote without the headers and page marks that main context adds."""
    return _PAGE_MARK.sub("", _HEADER.sub("", quote)).strip()


def find_quote(
    quote: str,
    passages: Sequence[Passage],
    *,
    repair: bool = True,
    near: tuple[int, int] = (0, 0),
) -> QuoteMatch | None:
    """Look a quote up in consecutive passages of one document, across their borders.

    Differences of white space, quotation marks, dashes and letter case are `normalised`; at most
    10 % of other characters are `repaired`, as long as every number is equal. Of several places
    the one nearest to `near` is taken: two offsets in the passages' joined text.
    """
    text = "".join(passage.text for passage in passages)
    if len(_INVISIBLE.sub("", clean_quote(quote))) < SHORTEST_QUOTE:
        return None
    # What looks like a mark of main context may be the document's own: as written comes first.
    for wording in (quote.strip(), clean_quote(quote)):
        if found := _nearest(re.compile(re.escape(wording)), text, near):
            return QuoteMatch("exact", wording, found.start())
    for wording in (quote, _PAGE_MARK.sub("", quote)):
        if found := _nearest(_tolerant(wording), text, near):
            return QuoteMatch("normalised", found[0], found.start())
    if found_bare := _without_tags(quote, text, near):
        return found_bare
    return _repaired(clean_quote(quote), text, near) if repair else None


def _without_tags(quote: str, text: str, near: tuple[int, int]) -> QuoteMatch | None:
    """The quote where the text has tag letters, which the model is shown spelled out."""
    if TAGS.search(text) is None or not (bare := without_tags(clean_quote(quote)).strip()):
        return None
    kept = [at for at, character in enumerate(text) if not TAGS.match(character)]
    places = (bisect_left(kept, near[0]), bisect_left(kept, near[1]))
    found = _nearest(_tolerant(bare), "".join(text[at] for at in kept), places)
    if found is None:
        return None
    start, end = kept[found.start()], kept[found.end() - 1] + 1
    return QuoteMatch("normalised", text[start:end], start)


def _nearest(pattern: re.Pattern[str], text: str, near: tuple[int, int]) -> re.Match[str] | None:
    """The match nearest to a place, the first of equally near ones."""
    return min(
        pattern.finditer(text),
        key=lambda found: _gap(found.start(), found.end(), near),
        default=None,
    )


def _gap(start: int, end: int, near: tuple[int, int]) -> int:
    """Characters between two stretches; 0 where they touch."""
    return max(0, near[0] - end, start - near[1])


def _tolerant(quote: str) -> re.Pattern[str]:
    """A pattern for `quote` that does not mind headers, white space, typography or case."""
    pieces = [piece for piece in _HEADER.split(quote) if piece.strip()]
    return re.compile(r"\s*".join(map(_words, pieces)), re.IGNORECASE)


def _words(piece: str) -> str:
    pattern = before = ""
    for word in piece.split():
        for position, character in enumerate(word):
            unspaced = before and _IS_UNSPACED.match(before) and _IS_UNSPACED.match(character)
            if unspaced:
                # Where no spaces are written a line end is nothing, in the page or in the quote.
                pattern += r"\s*"
            elif before and position == 0:
                pattern += r"\s+"
            pattern += _character(character)
            before = character
    return pattern


def _character(character: str) -> str:
    for variants in (_QUOTES, _DASHES):
        if character in variants:
            return f"[{re.escape(variants)}]"
    if character in _SOFT:
        return f"[{_SOFT}]?"
    if character in _RADICALS:
        return f"[{character}{_RADICALS[character]}]"
    return re.escape(character)


def _repaired(quote: str, text: str, near: tuple[int, int]) -> QuoteMatch | None:
    """The most similar wording, if it is near enough and every number is equal."""
    alignment = fuzz.partial_ratio_alignment(_lowered(quote), _lowered(text), score_cutoff=80)
    if alignment is None:
        return None
    start, end = _whole_words(text, alignment.dest_start, alignment.dest_end)
    allowed = int(MOST_DIFFERENCE * len(quote))
    # The aligned stretch is as long as the quote; without spaces no word says where it should end.
    end = min(
        (e for e in range(end, min(len(text), end + allowed) + 1) if _unspaced_to(text, end, e)),
        key=lambda e: Levenshtein.distance(flat(quote), flat(text[start:e])),
    )
    nearest = text[start:end].strip()
    # The alignment is any of several equal ones.
    place = _nearest(re.compile(re.escape(nearest)), text, near)
    if place is None:
        return None
    start = place.start()
    distance = Levenshtein.distance(flat(quote), flat(nearest), score_cutoff=allowed)
    if distance > allowed or _NUMBER.findall(quote) != _NUMBER.findall(nearest):
        return None
    return QuoteMatch("repaired", nearest, start)


def _unspaced_to(text: str, start: int, end: int) -> bool:
    """Whether nothing but signs that stand without spaces is between two offsets."""
    return all(map(_IS_UNSPACED.match, text[start:end]))


def _lowered(text: str) -> str:
    """`text` in lower case, each character at its old offset: one (`İ`) would become two."""
    lowered = text.lower()
    if len(lowered) == len(text):
        return lowered
    return "".join(low if len(low := each.lower()) == 1 else each for each in text)


def _whole_words(text: str, start: int, end: int) -> tuple[int, int]:
    while 0 < start < len(text) and _in_word(text, start):
        start -= 1
    while 0 < end < len(text) and _in_word(text, end):
        end += 1
    return start, end


def _in_word(text: str, at: int) -> bool:
    """Whether a word goes on across an offset; signs that stand without spaces are words alone."""
    before, after = text[at - 1], text[at]
    unspaced = _IS_UNSPACED.match(before) or _IS_UNSPACED.match(after)
    return not unspaced and before.isalnum() and after.isalnum()


def flat(text: str) -> str:
    """`text` in lower case with single spaces: what white space and case do not change."""
    return " ".join(text.lower().split())


def review(
    checks: Sequence[QuoteCheck],
    quotes: Sequence[str],
    *,
    resident: Collection[PassageId],
    notes: Sequence[Note],
) -> tuple[QuoteCheck, ...]:
    """The checks, failed where the model had not read what it quotes.

    `quotes` are the model's own wordings, `resident` what it saw when it answered.
    """
    return tuple(
        replace(check, match="failed") if not check.seen else check
        for check in mark_seen(checks, quotes, resident=resident, notes=notes)
    )


def mark_seen(
    checks: Sequence[QuoteCheck],
    quotes: Sequence[str],
    *,
    resident: Collection[PassageId],
    notes: Sequence[Note],
) -> tuple[QuoteCheck, ...]:
    """The checks, each saying whether the model had its page, or a note of it, before it.

    Whether the words stand on the page is another matter, which `match` tells.
    """
    return tuple(
        check
        if not check.stands or _was_read(check, quote, resident, notes)
        else replace(
            check,
            seen=False,
            problem=f"the quote from {check.locator} is neither in main context nor in a note; "
            f"page_in {check.passages[0]} first",
        )
        for check, quote in zip(checks, quotes, strict=True)
    )


def _was_read(
    check: QuoteCheck, quote: str, resident: Collection[PassageId], notes: Sequence[Note]
) -> bool:
    if all(passage in resident for passage in check.passages):
        return True
    wanted = {flat(quote), flat(check.quote)}
    return any(
        set(check.passages) <= set(note.seen) and any(each in flat(note.text) for each in wanted)
        for note in notes
    )


class QuoteChecker:
    """Finds quotes in an archive. `locate` reads a locator and refuses places out of scope.

    Names of `question` that a cited page does not hold are told of each quote that stands.
    """

    def __init__(
        self, library: ArchivalStorage, locate: Callable[[str], Locator], *, question: str = ""
    ) -> None:
        self._library = library
        self._locate = locate
        self._question = question

    def check_all(
        self,
        citations: Sequence[Mapping[str, Any]],
        *,
        resident: Collection[PassageId] = (),
        viewed: Collection[PictureId] = (),
    ) -> QuotesChecked:
        """One check for each citation, in order.

        What does not stand where it is said to is looked for in the `resident` passages too: small
        models copy a quote exactly and the locator of another one, or of none. A page among the
        `viewed` pictures may be named without a quote, where its text cannot be relied on.
        """
        checks = (self._check_one(citation, resident, viewed) for citation in citations)
        return QuotesChecked(tuple(checks))

    def _check_one(
        self,
        citation: Mapping[str, Any],
        resident: Collection[PassageId],
        viewed: Collection[PictureId],
    ) -> QuoteCheck:
        written, quote = citation["locator"], citation["quote"]
        if viewed and not quote.strip() and (seen := self._seen(written, viewed)) is not None:
            return seen
        check = self._check(written, quote)
        if check.match != "failed":
            return check
        return self._among(resident, check, quote) or check

    def _seen(self, written: str, viewed: Collection[PictureId]) -> QuoteCheck | None:
        """A page that is named without a quote, where the model was shown its picture."""
        try:
            page = picture_named(self._locate(written))
        except (FunctionError, DocpagerError):
            return None
        if page not in viewed:
            return None
        entry = self._library.document(page.document)
        labels = self._library.page_labels(entry.id)
        label = labels[page.pdf_page - 1] if page.pdf_page <= len(labels) else None
        place = Place(entry.path, page.pdf_page, label, document_id=entry.name)
        trouble = page_trouble(self._library, page)
        if not trouble:
            problem = f"{page} has text: copy a quote from it"
            return QuoteCheck(written, "", "failed", entry.id, place, problem=problem)
        return QuoteCheck(written, "", "picture", entry.id, place, doubt=trouble)

    def _among(
        self, resident: Collection[PassageId], failed: QuoteCheck, quote: str
    ) -> QuoteCheck | None:
        """The quote where one of these passages holds it, word for word or nearly."""
        words = len(flat(clean_quote(quote)).split())
        for repair in (False, True):
            if words < (LEAST_WORDS_REPAIRED if repair else LEAST_WORDS_ANYWHERE):
                return None
            for passage in sorted(resident):
                span = PassageRange(*passage, passage.ordinal)
                entry = self._library.document(passage.document)
                found = self._look_up(
                    quote, span, span, entry, written=failed.locator, repair=repair
                )
                if found is not None:
                    return found
        return None

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
        tries = ((cited, False), (near, False), (cited, True), (near, True), (everything, False))
        for span, repair in tries:
            if check := self._look_up(quote, span, cited, entry, written=written, repair=repair):
                return check
        shown = one_line(cleaned, limit=60)
        problem = f"the quote {shown!r} was not found in {entry.name}; copy it exactly"
        place = Place(entry.path, document_id=entry.name)
        return QuoteCheck(written, cleaned, "failed", entry.id, place, problem=problem)

    def _look_up(
        self,
        quote: str,
        span: PassageRange,
        cited: PassageRange,
        entry: DocumentEntry,
        *,
        written: str,
        repair: bool,
    ) -> QuoteCheck | None:
        passages = self._library.load_range(span)
        origin = passages[0].start
        own = [each for each in passages if cited.first <= each.ordinal <= cited.last]
        near = (own[0].start - origin, own[-1].end - origin) if own else (0, 0)
        found = find_quote(quote, passages, repair=repair, near=near)
        if found is None:
            return None
        start, end = origin + found.start, origin + found.end
        touched = [p for p in passages if p.start < end and p.end > start]
        pdf_page = touched[0].pdf_page_at(start - touched[0].start)
        page = self._page_text(entry, pdf_page, touched)
        doubts = self._library.page_doubts(entry.id)
        return QuoteCheck(
            locator=written,
            quote=found.text,
            match=found.match,
            document=entry.id,
            place=place_in(self._library, entry, start=start, end=end, pdf_page=pdf_page),
            passages=tuple(passage.id for passage in touched),
            names_missing=missing_names(self._question, page, f"{entry.title} {entry.path}"),
            doubt=doubts.get(pdf_page or 0) or doubts.get(0),
        )

    def _page_text(
        self, entry: DocumentEntry, pdf_page: int | None, touched: Sequence[Passage]
    ) -> str:
        """What a person sees who looks a quote up: its page, or what stands around it."""
        if pdf_page is not None:
            span = self._library.resolve(
                Locator(LocatorKind.PDF_PAGES, entry.id, pdf_page, pdf_page)
            )
        else:
            first, last = touched[0].ordinal - 1, touched[-1].ordinal + 1
            span = PassageRange(entry.id, max(1, first), min(entry.passages, last))
        return "".join(passage.text for passage in self._library.load_range(span))
