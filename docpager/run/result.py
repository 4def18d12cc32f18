"""AnswerLine: how one question ended, the same from `ask --json`, `batch` and the library.

What a run saved by keeping its prompts within a price band.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from docpager.core.passages import Note
from docpager.models.messages import Lost, Usage
from docpager.run.journal import Header
from docpager.run.outcome import Abstention, Answer, Failure, Stopped
from docpager.run.results import QuoteCheck
from docpager.run.state import Run, final_citations

__all__ = ["AnswerLine", "Citation", "Coverage", "answer_line", "saved_usd"]


def saved_usd(run: Run, *, whole_text_tokens: int) -> float | None:
    """Dollars that one prompt with the whole text would have cost more than this run did.

    The prompt compared with holds all text that the question is about, or as much of it as the
    model takes, at its price per input token in the band that a prompt of this length is in.
    `whole_text_tokens` is counted without a safety factor, and no reply is added: the saving is
    rather understated. Negative where paging cost more.

    None unless the model's price rises with the length of a prompt, the whole text would have been
    in a dearer band, and every prompt of the run stayed in the first.
    """
    price = run.price
    if price is None or run.cost_usd is None or len(price.bands) == 1:
        return None
    tokens = min(whole_text_tokens, price.largest_prompt or whole_text_tokens)
    largest_sent = run.context.statistics.peak_tokens
    if price.band(tokens) == price.bands[0] or price.band(largest_sent) != price.bands[0]:
        return None
    return price.cost(Usage(input_tokens=tokens)) - run.cost_usd


SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True)
class Citation:
    """One quote and where it stands."""

    document: str
    """Path relative to the ingested root."""
    document_id: str
    """As in D3."""
    pdf_page: int | None
    """Counted from 1; None for documents without PDF pages."""
    page_label: str | None
    """The number printed on the page."""
    quote: str
    match: str
    """`exact`, `normalised`, `repaired` or `failed`."""
    passages: tuple[str, ...]
    """The passages it stands in, as in D3:c120."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """Passages by how far the run got with them, and PDF pages that nobody could read."""

    searched: int
    """Shown in results, never paged in."""
    read: int
    """Paged in."""
    never_seen: int
    unreadable: int
    """PDF pages without usable text among the documents asked about."""


@dataclass(frozen=True, slots=True)
class AnswerLine:
    """One question's result. Tokens are the server's count where it reports one.

    `paging` holds the counts of `docpager.paging.statistics` by name; `seconds` is wall-clock time
    of the run, waits included, over all its sessions; `cost_usd` is in dollars.
    """

    id: str
    question: str
    answer: str | None
    status: str
    """`answered`, `abstained`, `failed` or `stopped`."""
    citations: tuple[Citation, ...]
    usage: Usage
    cost_usd: float | None
    """Lost attempts included; None where no price is known."""
    steps: int
    paging: dict[str, int]
    coverage: Coverage
    model: str
    seconds: float
    journal: str | None
    error: str | None = None
    limit: str | None = None
    """Of a stopped run: the limit that stopped it, as in `max_steps` of `RunLimits`."""
    resumable: bool = False
    """Whether `resume` can go on with the run: its model failed, not the run."""
    notes: tuple[Note, ...] = ()
    """What had been found when a run stopped before its answer."""
    saved_usd: float | None = None
    """What one prompt with the whole text would have cost more, by its dearer price band; negative
    where paging cost more. None where no price band was kept to. An estimate."""
    lost: Lost | None = None
    """Failed attempts that may have been billed; counted in `cost_usd` at their worst case."""
    overruns: int = 0
    """Prompts that the server counted as larger than the run had reserved."""
    schema_version: int = SCHEMA_VERSION

    def as_json(self) -> dict[str, Any]:
        """The line as `json.dumps` takes it."""
        line = {"schema_version": self.schema_version, **asdict(self)}
        line["citations"] = [asdict(citation) for citation in self.citations]
        line["notes"] = [{"text": note.text, "sources": list(note.sources)} for note in self.notes]
        for key in ("error", "limit", "resumable", "notes", "lost", "overruns"):
            if not line[key]:
                del line[key]
        if line["saved_usd"] is None:
            del line["saved_usd"]
        return line


def answer_line(run: Run, header: Header, *, journal: str | None) -> AnswerLine:
    """The result of a run that has an outcome."""
    outcome = run.outcome
    assert outcome is not None, "the run is still going"
    statistics = run.context.statistics
    checks = outcome.citations if isinstance(outcome, Answer | Abstention) else ()
    read = statistics.distinct_passages
    searched = len(run.delivery.shown - statistics.read)
    return AnswerLine(
        id=header.question_id,
        question=header.plan.question,
        answer=outcome.text if isinstance(outcome, Answer | Abstention) else None,
        status=outcome.status,
        citations=_citations(checks),
        usage=run.usage,
        cost_usd=_rounded(run.cost_usd),
        steps=run.steps,
        paging=statistics.as_dict(cited=final_citations(outcome)),
        coverage=Coverage(searched, read, header.passages - searched - read, header.unreadable),
        model=header.model,
        seconds=round(run.elapsed_seconds, 3),
        journal=journal,
        error=outcome.reason if isinstance(outcome, Stopped | Failure) else None,
        limit=(outcome.limit or None) if isinstance(outcome, Stopped) else None,
        resumable=isinstance(outcome, Failure) and outcome.parked,
        notes=outcome.notes if isinstance(outcome, Stopped) else (),
        saved_usd=_rounded(saved_usd(run, whole_text_tokens=header.whole_text_tokens)),
        lost=run.lost if run.lost.attempts else None,
        overruns=run.overruns,
    )


def _rounded(usd: float | None) -> float | None:
    """Dollars without the crumbs of adding floats."""
    return None if usd is None else round(usd, 9)


def _citations(checks: Sequence[QuoteCheck]) -> tuple[Citation, ...]:
    return tuple(
        Citation(
            document=check.path or "",
            document_id=f"D{check.document}" if check.document is not None else "",
            pdf_page=check.pdf_page,
            page_label=check.page_label,
            quote=check.quote,
            match=check.match,
            passages=tuple(map(str, check.passages)),
        )
        for check in checks
    )
