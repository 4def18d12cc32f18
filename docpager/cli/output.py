"""How answers and traces look in a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING

from docpager.cli.flags import with_flags
from docpager.cli.terminal import say, say_linked
from docpager.core.passages import counted, written_ranges
from docpager.run.outcome import REPLIED, UNSUPPORTED, Abstention, Answer, Outcome

if TYPE_CHECKING:
    from docpager.chat.replies import ChatReply
    from docpager.core.pictures import PictureId
    from docpager.models.messages import Usage
    from docpager.run.answer_line import AnswerLine, Citation
    from docpager.run.trace import TracedStep

__all__ = ["print_answer", "print_outcome", "print_reply", "print_step"]

CALL_WIDTH = 110

_OPTIONS = {
    "max_steps": "--max-steps",
    "timeout_seconds": "--timeout",
    "max_usd": "--max-usd",
    "max_tokens": "--max-tokens",
}
"""The option that sets each limit of a run."""


def print_answer(line: AnswerLine, links: Sequence[str | None] = ()) -> None:
    """The answer, its citations and whether a language model gave it on stdout, what it took on
    stderr. `links` are the addresses of the citations, None where one has none."""
    from docpager.models.registry import READER

    _print_text(line)
    if line.limit in _OPTIONS:
        say(
            f"{_OPTIONS[line.limit]} stopped it; raise that to let it look further: "
            f"docpager resume {line.journal} {_OPTIONS[line.limit]} ...",
            err=True,
        )
    _print_citations(line, links)
    if line.answer is not None and line.model == READER:
        # On stdout, with the answer: where that is kept, what it is must be kept too.
        say("(answered by the rule-based reader, not by a language model)")
    for note in line.notes:
        say(f"  noted: {note.text} [{', '.join(note.sources)}]", err=True)
    if line.steps:
        say(str(line.coverage), err=True)
    say(_summary(line), err=True)
    if line.resumable:
        say(f"the run is kept: docpager resume {line.journal}", err=True)


def print_reply(
    reply: ChatReply, links: Sequence[str | None] = (), said: Sequence[str | None] = ()
) -> None:
    """A reply in a chat and its citations on stdout, what it changed in memory and what it took on
    stderr. `said` names the places of citations that are turns or memories, None for documents."""
    line = reply.line
    assert line is not None, "a reply comes of a run"
    _print_text(line)
    _print_citations(line, links, said)
    if line.limit in _OPTIONS:
        say(f"{_OPTIONS[line.limit]} stopped it", err=True)
    for changed in reply.change.diff if reply.change else ():
        say(f"  remembered: {_cut(changed)}", err=True, dim=True)
    checked = "nothing cited, " if line.status == REPLIED else ""
    cost = "" if not reply.cost_usd else f", ${reply.cost_usd:.4f}"
    tokens = f"{line.usage.prompt_tokens:,} tokens in, {line.usage.output_tokens:,} out"
    say(f"({checked}{counted(line.steps, 'step')}, {tokens}{cost})", err=True, dim=True)


def _print_text(line: AnswerLine) -> None:
    if line.answer is not None:
        prefix = "Not found: " if line.status == "abstained" else ""
        already = line.answer.lower().startswith("not found")
        say(line.answer if already else f"{prefix}{line.answer}", lines=True)
    else:
        say(with_flags(f"{line.status}: {line.error}"), err=True)


def _print_citations(
    line: AnswerLine, links: Sequence[str | None], said: Sequence[str | None] = ()
) -> None:
    if line.status == UNSUPPORTED:
        say("(unsupported: no quote of it stands on a page that the model had read)")
    if line.names_missing and line.status in ("answered", UNSUPPORTED):
        names = ", ".join(line.names_missing)
        say(f"(the cited pages and their titles do not name: {names})")
    for citation, link, named in zip_longest(line.citations, links, said):
        where = named or str(citation.place) or "no such place"
        passage = "" if named else _passage(citation)
        say_linked("  ", where, link, f"{passage}: {_quoted(citation)}")


def _passage(citation: Citation) -> str:
    return f" [{citation.passages[0]}]" if citation.passages else ""


def _quoted(citation: Citation) -> str:
    if citation.match == "picture":
        return f"(seen as a picture, nothing was checked; text of the page: {citation.doubt})"
    quote = " ".join(citation.quote.split())
    mark = {
        "failed": " (NOT FOUND there)",
        "repaired": " (wording repaired)",
    }.get(citation.match, "")
    if citation.stands and not citation.seen:
        mark += " (stands there, but was not read)"
    if citation.doubt:
        kind = citation.place.kind
        where = kind if kind in ("page", "sheet", "slide") else "document"
        mark += f" (the text of this {where} may be wrong: {citation.doubt})"
    return f'"{quote}"{mark}'


def _summary(line: AnswerLine) -> str:
    paging, usage = line.paging, line.usage
    about = "" if usage.source == "server" else "about "
    return (
        f"{counted(line.steps, 'step')}, {about}{usage.prompt_tokens:,} tokens in{_cached(usage)}, "
        f"{usage.output_tokens:,} out{_cost(line)}; "
        f"peak {paging['peak_worst_case']:,} of {paging['window']:,}; "
        f"{counted(paging['faults'], 'passage')} loaded, "
        f"{counted(paging['rebuilds'], 'rebuild')}; {line.model}"
        + (f"; journal {line.journal}" if line.journal else "")
    )


def _cached(usage: Usage) -> str:
    """How many of the tokens came from the prompt cache, and how many went into it."""
    if not usage.cache_read_tokens + usage.cache_write_tokens:
        return ""
    return f" ({usage.cache_read_tokens:,} from cache, {usage.cache_write_tokens:,} into it)"


def _cost(line: AnswerLine) -> str:
    """Dollars, what of them is a worst case, and what a price band saved."""
    parts = [] if line.cost_usd in (None, 0.0) else [f"${line.cost_usd:.4f}"]
    if line.lost is not None:
        attempts = counted(line.lost.attempts, "failed attempt")
        usd = "" if line.lost.usd is None else f" (${line.lost.usd:.4f} of it)"
        parts.append(f"{attempts} charged at the worst case{usd}")
    if line.saved_usd is not None:
        less = "less" if line.saved_usd >= 0 else "more"
        parts.append(f"about ${abs(line.saved_usd):.4f} {less} than one prompt with all text")
    if line.overruns:
        parts.append(f"{counted(line.overruns, 'prompt')} larger than reserved")
    return "".join(f", {part}" for part in parts)


def print_step(step: TracedStep) -> None:
    """One step of a trace."""
    for message in step.interrupts:
        say(f"       interrupt: {message}", fg="magenta")
    if step.resumed:
        say("       resumed", fg="magenta")
    if step.rebuilt:
        left = ", ".join(filter(None, (written_ranges(step.evicted), _pictures(step.pictures_out))))
        gone = f"; evicted {left}" if left else ""
        say(f"-- rebuild: epoch {step.epoch} begins{gone}", fg="yellow")
    say(f"{step.number:>4}   ", bold=True, nl=False)
    anew = "" if step.read_anew is None else f", {step.read_anew:,} read anew"
    say(
        f"{_bar(step.pressure)} {step.prompt_tokens:,} tokens sent{anew} ({step.pressure:.0%} of "
        f"{step.window:,} with the reply), {step.resident} resident{_beside(step.pictures)}, "
        f"{counted(step.notes, 'note')}",
        nl=not step.warned,
    )
    if step.warned:
        say("  memory warning", fg="red")
    for line in step.text.splitlines():
        say(f"       says: {_cut(line)}")
    for call in step.calls:
        say(f"       {_cut(call.call)}")
        if call.result:
            say(f"         -> {_cut(call.result)}", fg="red" if call.refused else None, dim=True)
    for what, passages, pictures in (
        ("paged in", step.paged_in, step.pictures_in),
        ("released", step.released, step.pictures_released),
    ):
        named = ", ".join(filter(None, (written_ranges(passages), _pictures(pictures))))
        if named:
            say(f"       {what} {named}", fg="green" if what[0] == "p" else "cyan")


def _beside(pictures: int) -> str:
    return f" and {counted(pictures, 'picture')}" if pictures else ""


def _pictures(shown: Sequence[PictureId]) -> str:
    """`pictures of D3:p45, D3:p46`."""
    return f"pictures of {', '.join(map(str, shown))}" if shown else ""


def print_outcome(outcome: Outcome) -> None:
    """How a trace ends."""
    said = outcome.text if isinstance(outcome, Answer | Abstention) else with_flags(outcome.reason)
    say(f"{outcome.status}: {said}", bold=True)
    for check in outcome.citations if isinstance(outcome, Answer | Abstention) else ():
        named = written_ranges(check.passages) or check.locator
        place = f"{check.place} [{named}]" if check.place else named
        unseen = "" if check.seen else ", not read"
        say(f"       {place} ({check.match}{unseen}): {_cut(check.quote)}")


def _bar(share: float, *, width: int = 20) -> str:
    filled = min(width, round(share * width))
    return "[" + "#" * filled + "." * (width - filled) + "]"


def _cut(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= CALL_WIDTH else flat[: CALL_WIDTH - 1] + "…"
