"""Delivery: what each result does to a run's main context, and how it is shown."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from docpager.answering.citing import review
from docpager.answering.outcome import Abstention, Answer, Outcome
from docpager.answering.page_ins import PageIns
from docpager.answering.presenting import (
    present_found,
    present_listed,
    present_too_large,
)
from docpager.answering.recall import recall
from docpager.answering.results import (
    Found,
    Listed,
    Loaded,
    PassedThrough,
    QuotesChecked,
    Refused,
    TooLarge,
    ToolResult,
)
from docpager.core.errors import FunctionError
from docpager.core.locators import LocatorKind, parse_locator
from docpager.core.passages import PassageId
from docpager.models.messages import ToolCall
from docpager.paging.main_context import MainContext
from docpager.paging.reading_log import LogEntry, written_call
from docpager.paging.working_memory import WorkingMemory

__all__ = ["PLAIN_TEXT", "Delivery"]

PLAIN_TEXT = "\0plain text"
"""Id of an answer that was no call: no provider's own id can be this."""


class Delivery:
    """Applies results to one run's main context, in call order."""

    def __init__(self, context: MainContext) -> None:
        self._context = context
        self._page_ins = PageIns(context)
        self._step = 0
        self._sent_back = False
        self.shown: set[PassageId] = set()
        """Passages of which a search or a grep showed a part."""

    def apply(
        self,
        call: ToolCall,
        result: ToolResult,
        *,
        step: int,
        resident: frozenset[PassageId],
        last: bool,
    ) -> Outcome | None:
        """Answer one call. Returns how the run ends, if it does.

        `resident` is what the model could see when it made the call; `last` says that no further
        reply is allowed.
        """
        self._step = step
        match result:
            case Refused(message):
                self._context.refuse(message)
            case Found():
                self._found(call, result)
            case Listed():
                self._listed(call, result)
            case Loaded():
                self._page_ins.apply(call, result, step=step)
            case TooLarge():
                self._context.refuse(present_too_large(result))
                self._context.statistics.refused_page_ins += 1
            case QuotesChecked():
                return self._answer(call, result, resident=resident, last=last)
            case PassedThrough():
                self._pass_through(call, resident)
        return None

    def _found(self, call: ToolCall, found: Found) -> None:
        self._page_ins.forget_repeats()
        subject = _subject(call)
        shown = self._admit_most(
            len(found.hits),
            lambda n: present_found(
                replace(found, hits=found.hits[:n], hidden=found.hidden + len(found.hits) - n),
                subject=subject,
            ),
        )
        seen = [hit.passage for hit in found.hits[: shown or 0]]
        self.shown.update(seen)
        best = ", ".join(dict.fromkeys(map(str, seen)))
        self._log(
            call, f"{found.by_words + found.by_meaning} found, seen {best}" if best else "nothing"
        )

    def _listed(self, call: ToolCall, listed: Listed) -> None:
        lines = listed.lines
        self._admit_most(
            len(lines),
            lambda n: present_listed(Listed(lines[:n], listed.more + len(lines) - n)),
        )
        self._log(call, f"{len(lines) + listed.more} lines")

    def _admit_most(self, available: int, present: Callable[[int], str]) -> int | None:
        """Admit the longest beginning of a list that fits; returns its length."""
        if self._context.admit(present(available)):
            return available
        # Halving, not one by one: a list of documents may have thousands of lines.
        fitting, too_long = 0, available
        while too_long - fitting > 1:
            middle = (fitting + too_long) // 2
            if self._context.would_admit(present(middle)):
                fitting = middle
            else:
                too_long = middle
        if fitting and self._context.admit(present(fitting)):
            return fitting
        self._context.refuse("refused: nothing of this fits", warn=True)
        return None

    def _pass_through(self, call: ToolCall, resident: frozenset[PassageId]) -> None:
        try:
            match call.name:
                case "page_out":
                    self._page_out(call)
                case "write_note":
                    self._write_note(call, resident)
                case "recall":
                    self._recall(call)
                case "page_in":
                    self._page_in_note(parse_locator(call.arguments["locator"]).number)
        except FunctionError as error:
            self._context.refuse(str(error))

    def _page_out(self, call: ToolCall) -> None:
        context, notes = self._context, self._context.notes
        pages: list[PassageId] = []
        for text in call.arguments["locators"]:
            locator = parse_locator(text)
            if locator.kind is LocatorKind.NOTE:
                notes = notes.page_out(locator.number)
            else:
                pages += self._page_ins.resident_under(text.strip())
        if not context.admit(f"released {len(set(pages))} passages.", notes=notes):
            context.refuse(warn=True)
            return
        released = context.table.release(pages)
        statistics = context.statistics
        statistics.released += len(released)
        statistics.released_unread += sum(context.table[p].since == self._step for p in released)
        self._log(call, f"{len(released)} passages released")

    def _write_note(self, call: ToolCall, resident: frozenset[PassageId]) -> None:
        context, arguments = self._context, call.arguments
        replaces = arguments.get("replaces")
        notes, note = context.notes.write(
            arguments["text"],
            sources=tuple(str(parse_locator(source)) for source in arguments["sources"]),
            seen=tuple(sorted(resident)),
            replaces=parse_locator(replaces).number if replaces else None,
        )
        if not self._admit_notes(f"noted as {note.name}.", notes):
            return
        self._page_ins.forget_repeats()
        self._log(call, f"noted as {note.name}", shown=f"write_note({note.name})")

    def _page_in_note(self, number: int) -> None:
        notes = self._context.notes.page_in(number)
        note = notes[number]
        sources = ", ".join(note.sources)
        self._admit_notes(f"{note.name} [{sources}] {note.text}", notes)

    def _admit_notes(self, text: str, notes: WorkingMemory) -> bool:
        context = self._context
        before = set(context.notes.resident)
        if not context.admit(text, notes=notes):
            context.refuse(
                "refused: no room for this note; page_out what you are done with", warn=True
            )
            return False
        context.statistics.notes_paged_out += len(before - set(notes.resident))
        return True

    def _recall(self, call: ToolCall) -> None:
        context = self._context
        lines = recall(
            call.arguments["query"],
            notes=context.notes,
            log=context.log.entries,
            resident=context.table.ids,
        )
        self._admit_most(len(lines), lambda n: "\n".join(lines[:n]) or "nothing found.")

    def _answer(
        self, call: ToolCall, checked: QuotesChecked, *, resident: Collection[PassageId], last: bool
    ) -> Outcome | None:
        """End the run, or send the answer back once if a quote fails."""
        quotes = [str(citation["quote"]) for citation in call.arguments["citations"]]
        checks = review(checked.checks, quotes, resident=resident, notes=self._context.notes.notes)
        text, found = str(call.arguments["text"]), call.arguments.get("found", True)
        problems = [check.problem for check in checks if check.problem]
        if found and not checks:
            problems = ["an answer needs citations: a locator and a quote copied from there"]
        if problems and not self._sent_back and not last:
            self._sent_back = True
            self._send_back(call, problems)
            return None
        cited = [passage for check in checks for passage in check.passages]
        self._context.table.reference(cited)
        self._context.statistics.reference(cited, step=self._step)
        return Answer(text, checks) if found else Abstention(text, checks)

    def _send_back(self, call: ToolCall, problems: Sequence[str]) -> None:
        listed = "; ".join(problems)
        if call.id == PLAIN_TEXT:
            self._context.nudge(f"[run] Not accepted: {listed}. Answer again.")
        else:
            self._context.refuse(
                f"not accepted: {listed}. Answer again.", f"not accepted: {problems[0]}"
            )

    def _log(self, call: ToolCall, outcome: str, *, shown: str | None = None) -> None:
        self._context.log.add(LogEntry(self._step, shown or written_call(call), outcome))


def _subject(call: ToolCall) -> str:
    wanted = call.arguments.get("query", call.arguments.get("pattern", ""))
    narrowed = call.arguments.get("documents")
    within = f" in {', '.join(map(str, narrowed))}" if narrowed else ""
    return f'{call.name} "{wanted}"{within}'
