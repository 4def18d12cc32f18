"""Whether citations lead to the evidence, and whether they stand."""

from __future__ import annotations

from collections.abc import Sequence

from docpager.evaluation.records import Cited, Place

__all__ = ["citation_validity", "evidence_precision", "evidence_recall"]


def evidence_recall(citations: Sequence[Cited], evidence: Sequence[Place]) -> float | None:
    """Share of the evidence's places that are cited; None where no evidence is named."""
    places = set(evidence)
    if not places:
        return None
    found = [place for place in places if any(_leads_to(cited, place) for cited in citations)]
    return len(found) / len(places)


def evidence_precision(citations: Sequence[Cited], evidence: Sequence[Place]) -> float | None:
    """Share of the cited places that are evidence; None where none is named or nothing is cited.

    A place is counted once, however often it is cited; a quote that was not found is a miss.
    """
    cited = set(citations)
    if not evidence or not cited:
        return None
    hits = [each for each in cited if any(_leads_to(each, place) for place in evidence)]
    return len(hits) / len(cited)


def citation_validity(citations: Sequence[Cited]) -> float | None:
    """Share of the citations whose quote stands where they say; None where nothing is cited."""
    return sum(cited.stands for cited in citations) / len(citations) if citations else None


def _leads_to(cited: Cited, place: Place) -> bool:
    return (
        cited.stands
        and _same_document(cited.document, place.document)
        and place.pdf_page in (None, cited.pdf_page)
    )


def _same_document(cited: str, wanted: str) -> bool:
    """Whether a path is the wanted one, or ends with it."""
    cited, wanted = cited.replace("\\", "/"), wanted.replace("\\", "/").removeprefix("./")
    return cited == wanted or cited.endswith(f"/{wanted}")
