"""AnswerLine: how one question ended, the same from `ask --json`, `batch` and the library.

In JSON, version 2, a citation is an object with `place`, `quote`, `match`, `passages`, `seen` and
`doubt`. Its place is an object with `kind` (`page`, `sheet`, `slide`, `section`, `turn` or
`document`), `document` (the path), `document_id`, the fields of its kind (`page` and `label`;
`sheet` and `row`; `slide`; `section` and `title`; `turn`) and the offsets `start` and `end`. What a
place does not have is left out. Version 1 had `document`, `document_id`, `pdf_page` and
`page_label` in the citation itself; `parse_citation` reads both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from docpager.core.passages import Note, PassageId
from docpager.core.places import Place, parse_place
from docpager.models.messages import Lost, Usage
from docpager.run.coverage import Coverage
from docpager.run.journal import Header
from docpager.run.outcome import Abstention, Answer, Failure, Outcome, Stopped
from docpager.run.state import Run
from docpager.run.tool_results import QuoteCheck

__all__ = [
    "SCHEMA_VERSION",
    "STATUSES",
    "AnswerLine",
    "Citation",
    "answer_line",
    "citations_of",
    "parse_answer",
    "parse_citation",
    "saved_usd",
]


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


SCHEMA_VERSION = 2

STATUSES = ("answered", "unsupported", "abstained", "failed", "stopped", "replied")
"""How a question may end. `unsupported` is an answer without a citation that stands on its page and
was in main context; `answered` has one, which does not make it right. `replied` is for chats alone:
nothing was cited, and nothing was checked."""


@dataclass(frozen=True, slots=True)
class Citation:
    """One quote and where it stands."""

    place: Place
    """Where the quote begins; of a quote that was not found the document that was looked in, its
    `document` empty where there is none."""
    quote: str = ""
    match: str = "exact"
    """`exact`, `normalised`, `repaired` or `failed`; `picture` of a page that the model was only
    shown as a picture: it says where to look, and nothing of it was checked."""
    passages: tuple[str, ...] = ()
    """The passages it stands in, as in D3:c120."""
    seen: bool = True
    """Whether the model had the page, or a note of it, before it when it answered."""
    doubt: str | None = None
    """Why the text of the page may be wrong; None where nothing speaks against it."""

    @property
    def stands(self) -> bool:
        """Whether the quote was found there."""
        return self.match not in ("failed", "picture")

    def as_json(self) -> dict[str, Any]:
        """The citation as `json.dumps` takes it."""
        return {**asdict(self), "place": self.place.as_json(), "passages": list(self.passages)}


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerLine:
    """One question's result. Tokens are the server's count where it reports one.

    `paging` holds the counts of `docpager.paging.statistics` by name; `seconds` is wall-clock time
    of the run, waits included, over all its sessions; `cost_usd` is in dollars.

    An answer that another program gave needs no more than `id` and `status` to be scored.
    """

    id: str
    question: str = ""
    answer: str | None = None
    status: str
    """One of `STATUSES`."""
    citations: tuple[Citation, ...] = ()
    names_missing: tuple[str, ...] = ()
    """Companies, persons and years of the question that no cited page, title or path names: the
    answer may be about another one."""
    usage: Usage = field(default_factory=Usage)
    cost_usd: float | None = None
    """Lost attempts included; None where no price is known."""
    steps: int = 0
    paging: dict[str, int] = field(default_factory=dict)
    coverage: Coverage = field(default_factory=Coverage)
    model: str = ""
    seconds: float = 0.0
    journal: str | None = None
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

    @property
    def answered(self) -> bool:
        return self.status == "answered"

    @property
    def abstained(self) -> bool:
        return self.status == "abstained"

    def as_json(self) -> dict[str, Any]:
        """The line as `json.dumps` takes it."""
        line = {"schema_version": self.schema_version, **asdict(self)}
        line["citations"] = [citation.as_json() for citation in self.citations]
        line["notes"] = [{"text": note.text, "sources": list(note.sources)} for note in self.notes]
        line["names_missing"] = list(self.names_missing)
        for key in ("names_missing", "error", "limit", "resumable", "notes", "lost", "overruns"):
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
    # Turns and memories, whose numbers are below 0, are no part of what the documents hold.
    read = sum(passage.document > 0 for passage in statistics.read)
    searched = len(run.delivery.reached.shown - statistics.read)
    return AnswerLine(
        id=header.question_id,
        question=header.plan.question,
        answer=outcome.text if isinstance(outcome, Answer | Abstention) else None,
        status=outcome.status,
        citations=citations_of(checks),
        names_missing=_names_missing(checks),
        usage=run.usage,
        cost_usd=_rounded(run.cost_usd),
        steps=run.steps,
        paging=statistics.as_dict(cited=_final_citations(outcome)),
        coverage=Coverage(
            searched,
            read,
            header.passages - searched - read,
            header.unreadable,
            header.pages,
            run.delivery.reached.pages_read,
            run.delivery.reached.documents,
        ),
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


def _final_citations(outcome: Outcome | None) -> tuple[PassageId, ...]:
    """The passages that an outcome quotes."""
    citations = outcome.citations if isinstance(outcome, Answer) else ()
    return tuple(passage for citation in citations for passage in citation.passages)


def _names_missing(checks: Sequence[QuoteCheck]) -> tuple[str, ...]:
    """Names that none of the pages holds whose quotes stand."""
    standing = [check for check in checks if check.stands]
    return tuple(
        name
        for name in (standing[0].names_missing if standing else ())
        if all(name in check.names_missing for check in standing)
    )


def _rounded(usd: float | None) -> float | None:
    """Dollars without the crumbs of adding floats."""
    return None if usd is None else round(usd, 9)


def citations_of(checks: Sequence[QuoteCheck]) -> tuple[Citation, ...]:
    """Looked-up quotes as citations of an answer."""
    return tuple(
        Citation(
            place=check.place or Place(""),
            quote=check.quote,
            match=check.match,
            passages=tuple(map(str, check.passages)),
            seen=check.seen,
            doubt=check.doubt,
        )
        for check in checks
    )


def parse_answer(value: Mapping[str, Any]) -> AnswerLine:
    """What is scored of an answer line: its id, status, answer and citations.

    Lines of version 1 are read, and lines that other programs wrote with these fields alone.

    Raises:
        ValueError: it is none, or of a later version; the message names the field.
    """
    id, status, answer = value.get("id"), value.get("status"), value.get("answer")
    version = value.get("schema_version")
    if isinstance(version, int) and version > SCHEMA_VERSION:
        raise ValueError(
            f"'schema_version' is {version}, and this version of docpager reads up to "
            f"{SCHEMA_VERSION}; install the newer one that wrote it"
        )
    if not isinstance(id, str) or not id:
        raise ValueError("no field 'id' that is text")
    if status not in STATUSES:
        raise ValueError(f"'status' must be one of {', '.join(STATUSES)}, not {status!r}")
    if answer is not None and not isinstance(answer, str):
        raise ValueError("'answer' must be text or null")
    citations = value.get("citations") or []
    if not isinstance(citations, list):
        raise ValueError("'citations' must be a list")
    return AnswerLine(
        id=id, status=status, answer=answer, citations=tuple(map(parse_citation, citations))
    )


def parse_citation(value: object) -> Citation:
    """The citation that an answer line holds, of version 2 or of version 1.

    Raises:
        ValueError: it holds none; the message names the field.
    """
    if not isinstance(value, Mapping):
        raise ValueError("a citation must be an object")
    place = value.get("place")
    if place is not None and not isinstance(place, Mapping):
        raise ValueError("'place' must be an object")
    quote, passages = value.get("quote") or "", value.get("passages") or []
    match = value.get("match") or "exact"
    if not isinstance(quote, str) or not isinstance(match, str):
        raise ValueError("'quote' and 'match' of a citation must be text")
    if not isinstance(passages, list | tuple) or not all(isinstance(p, str) for p in passages):
        raise ValueError("'passages' of a citation must be a list of texts")
    seen = value.get("seen")
    if seen is not None and not isinstance(seen, bool):
        raise ValueError("'seen' of a citation must be true or false")
    where = parse_place(value if place is None else place)
    doubt = value.get("doubt")
    if doubt is not None and not isinstance(doubt, str):
        raise ValueError("'doubt' of a citation must be text")
    return Citation(where, quote, match, tuple(passages), seen is not False, doubt)
