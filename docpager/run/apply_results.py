"""ResultApplier: what each result does to a run's main context, and how it is shown.

What may be quoted: what was resident, or was copied into a note while it was.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from docpager.core.errors import FunctionError
from docpager.core.locators import LocatorKind, parse_locator
from docpager.core.passages import PassageId, counted
from docpager.core.pictures import PageId, PictureId, picture_named
from docpager.models.messages import ToolCall
from docpager.paging.main_context import MainContext
from docpager.paging.reading_log import LogEntry, written_call
from docpager.paging.rebuild import quote_plainly
from docpager.paging.rendering import one_line
from docpager.paging.working_memory import WorkingMemory
from docpager.run.coverage import Reached
from docpager.run.outcome import REPLIED, UNSUPPORTED, Abstention, Answer, Failure, Outcome
from docpager.run.page_ins import PageInApplier, making_room
from docpager.run.quotes import mark_seen, review
from docpager.run.remembering import TurnMemory, recall
from docpager.run.reminders import RepeatedCalls, say_instead
from docpager.run.render import present_found, present_listed, present_too_large
from docpager.run.tool_results import (
    Found,
    Listed,
    Loaded,
    PassedThrough,
    QuoteCheck,
    QuotesChecked,
    Refused,
    TooLarge,
    ToolResult,
    Viewed,
)

__all__ = ["PLAIN_TEXT", "ResultApplier"]

MOST_UNREAD_ANSWERS = 2
"""Answers before anything was looked up that are sent back; the next one fails the run."""

PLAIN_TEXT = "\0plain text"
"""Id of an answer that was no call: no provider's own id can be this."""


class ResultApplier:
    """Applies results to one run's main context, in call order."""

    def __init__(
        self,
        context: MainContext,
        *,
        rules: int,
        question: str,
        plain: bool = False,
        remembering: TurnMemory | None = None,
    ) -> None:
        self._context = context
        self._page_ins = PageInApplier(context)
        self._rules = rules
        self._question = question
        self._plain = plain
        self.remembering = remembering
        """Of a chat's run; None elsewhere."""
        self._step = 0
        self._sent_back = False
        self._said = ""
        """The answer that was sent back for a quote, of a model that is asked plainly."""
        self._has_looked = False
        """Whether a search, a grep or a page_in has run, also one without a hit."""
        self._answers_unread = 0
        self._quoted: set[tuple[tuple[PassageId, ...], str]] = set()
        """Quotes of answers that stood where the model had them before it."""
        self._repeated = RepeatedCalls()

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
        if self._rules >= 3 and self._is_worn_out(call, result):
            return None
        match result:
            case Refused(message):
                self._context.refuse(message)
            case Found():
                self._found(call, result)
            case Listed():
                self._listed(call, result)
            case Loaded():
                self._has_looked = True
                self._page_ins.apply(call, result, step=step)
                self._meet([result.range.document, *result.origins])
            case Viewed():
                self._has_looked = True
                self._page_ins.view(call, result, step=step)
            case TooLarge():
                self._context.refuse(present_too_large(result))
                self._context.statistics.refused_page_ins += 1
            case QuotesChecked():
                return self._answer(call, result, resident=resident, last=last)
            case PassedThrough():
                self._pass_through(call, resident)
        return None

    @property
    def reached(self) -> Reached:
        """What was shown and read so far."""
        return self._page_ins.reached

    def apply_prefetch(self, calls: Sequence[ToolCall], results: Sequence[ToolResult]) -> None:
        """Show results that no model asked for."""
        for call, result in zip(calls, results, strict=True):
            if isinstance(result, Found):
                self._found(call, result)
            elif isinstance(result, Loaded):
                self._page_ins.apply(call, result, step=0)
        self._has_looked = False

    def _is_worn_out(self, call: ToolCall, result: ToolResult) -> bool:
        """Answer a call that was made too often: the same answer once more leads nowhere."""
        if not self._repeated.is_worn_out(call, result, epoch=self._context.epoch.number):
            return False
        self._context.refuse(
            say_instead(call, result), "refused: the same call again; do something else."
        )
        return True

    def _found(self, call: ToolCall, found: Found) -> None:
        self._has_looked = True
        self._page_ins.forget_repeats()
        subject = _subject(call)
        # A chat's recall finds what was said; this run's own notes and calls stand below it.
        own = self._own_past(call) if call.name == "recall" else []

        def present(n: int) -> str:
            hits = replace(found, hits=found.hits[:n], hidden=found.hidden + len(found.hits) - n)
            return "\n".join([present_found(hits, subject=subject), *own])

        shown = self._admit_most(len(found.hits), present)
        seen = found.hits[: shown or 0]
        self._meet([*(hit.passage.document for hit in seen), *found.origins])
        self.reached.show(seen, found.paths)
        best = ", ".join(dict.fromkeys(str(hit.passage) for hit in seen))
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
                case "view_page":
                    page = parse_locator(call.arguments["locator"])
                    self._page_ins.keep_picture(picture_named(page), call, step=self._step)
                case "page_in":
                    self._page_in_note(parse_locator(call.arguments["locator"]).number)
                case "core_append" | "core_replace" | "archive_memory":
                    self._remember(call)
        except FunctionError as error:
            self._context.refuse(str(error))

    def _page_out(self, call: ToolCall) -> None:
        context, notes = self._context, self._context.notes
        pages: list[PageId] = []
        for text in call.arguments["locators"]:
            locator = parse_locator(text)
            if locator.kind is LocatorKind.NOTE:
                notes = notes.page_out(locator.number)
            else:
                pages += self._page_ins.resident_under(text.strip())
        if not context.admit(f"released {_counted_pages(pages)}.", notes=notes):
            context.refuse(warn=True)
            return
        # After `admit`: a released page may be dropped by the rebuild that admitting decides on,
        # and its call must have its answer then.
        released = context.table.release(pages)
        statistics = context.statistics
        statistics.released += len(released)
        statistics.released_unread += sum(context.table[p].since == self._step for p in released)
        self._log(call, f"{_counted_pages(released)} released")

    def _write_note(self, call: ToolCall, resident: frozenset[PassageId]) -> None:
        context, arguments = self._context, call.arguments
        replaces = arguments.get("replaces")
        notes, note = context.notes.write(
            arguments["text"],
            sources=tuple(str(parse_locator(source)) for source in arguments["sources"]),
            # What was in view when the call was made: these are the pages whose words the note may
            # carry beyond their eviction.
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
            context.refuse(f"refused: no room for this note; {making_room(context)}", warn=True)
            return False
        context.statistics.notes_paged_out += len(before - set(notes.resident))
        return True

    def _remember(self, call: ToolCall) -> None:
        """Take down what is to be remembered; its result is short, and needs no room set aside."""
        assert self.remembering is not None, "only chats have these functions"
        said = self.remembering.apply(call)
        if not self._context.admit(said):
            self._context.refuse("noted.")
        self._log(call, "noted")

    def _meet(self, numbers: Collection[int]) -> None:
        if self.remembering is not None:
            self.remembering.meet(numbers)

    def _own_past(self, call: ToolCall) -> list[str]:
        context = self._context
        return recall(
            call.arguments.get("query", ""),
            notes=context.notes,
            log=context.log.entries,
            resident=context.table.ids,
        )

    def _recall(self, call: ToolCall) -> None:
        lines = self._own_past(call)
        self._admit_most(len(lines), lambda n: "\n".join(lines[:n]) or "nothing found.")

    def _answer(
        self, call: ToolCall, checked: QuotesChecked, *, resident: Collection[PassageId], last: bool
    ) -> Outcome | None:
        """End the run, or send the answer back once if a quote fails."""
        chat = self.remembering
        quotes = [str(citation["quote"]) for citation in call.arguments["citations"]]
        resident = {*resident, *chat.shown} if chat else resident
        notes = self._context.notes.notes
        if self._rules < 3:
            checks = review(checked.checks, quotes, resident=resident, notes=notes)
        else:
            checks = self._marked(checked.checks, quotes, resident)
        text, found = str(call.arguments["text"]), call.arguments.get("found", True)
        only_quotes = text == " … ".join(quotes)
        if self._said and only_quotes:
            text = self._said  # it was asked for the quote alone
        supported = any(check.stands and check.seen for check in checks)
        # Only what was prefetched can have been seen without a look, and a model that is asked
        # plainly has no other way to look.
        was_shown = found and (supported or (self._plain and bool(resident)))
        if chat is not None:
            echoed = (
                self._plain
                and self._rules >= 5
                and all(not check.stands and chat.echoes(check.quote) for check in checks)
            )
            if found and (echoed or not checks):
                return self._reply(chat, call, text, last=last)
            # Of a chat only "not found" is sent back, and once: what it has at hand may be cited.
            was_shown = found or bool(self._answers_unread)
        if self._rules >= 3 and not (self._has_looked or last or was_shown):
            return self._unread(call)
        problems = [check.problem for check in checks if check.problem]
        if found and not checks:
            problems = ["an answer needs citations: a locator and a quote copied from there"]
        # Once only: a model that cannot copy a quote would otherwise spend all its steps on it. The
        # citation then says itself that it failed.
        if problems and not self._sent_back and not last:
            self._sent_back = True
            self._said = "" if only_quotes else text
            self._send_back(call, problems)
            return None
        cited = [passage for check in checks for passage in check.passages]
        self._context.table.reference(cited)
        self._context.statistics.reference(cited, step=self._step)
        if not found:
            return Abstention(text, checks)
        if self._rules < 3 or supported:
            return Answer(text, checks)
        return Answer(text, checks, status=UNSUPPORTED)

    def _reply(self, chat: TurnMemory, call: ToolCall, text: str, *, last: bool) -> Outcome | None:
        """End a chat's turn without a citation: `replied` says that nothing was checked."""
        problem = chat.what_claims(text, looked=self._has_looked)
        if not problem:
            return Answer(text, (), status=REPLIED)
        if self._sent_back or last:
            return Answer(text, (), status=UNSUPPORTED)
        self._sent_back = True
        self._send_back(call, [problem])
        return None

    def _marked(
        self, checks: Sequence[QuoteCheck], quotes: Sequence[str], resident: Collection[PassageId]
    ) -> tuple[QuoteCheck, ...]:
        """`mark_seen`; a quote that was seen when an answer was sent back stays seen.

        Between the two answers a rebuild may have taken its page away.
        """
        notes = self._context.notes.notes
        marked = mark_seen(checks, quotes, resident=resident, notes=notes)
        self._quoted |= {(c.passages, c.quote) for c in marked if c.seen and c.stands}
        return tuple(
            check if (check.passages, check.quote) in self._quoted else new
            for check, new in zip(checks, marked, strict=True)
        )

    def _unread(self, call: ToolCall) -> Outcome | None:
        """Send back what was said before anything was looked up; whoever persists has failed."""
        self._answers_unread += 1
        if self._answers_unread > MOST_UNREAD_ANSWERS:
            said = one_line(str(call.arguments["text"]), limit=120)
            return Failure(f"the model answered without looking anything up: {said}")
        words = one_line(self._question, limit=80).replace('"', "'")
        search = "recall or search" if self.remembering else f'search(query="{words}")'
        self._send_back(call, [f"nothing was looked up yet; begin with {search}"])
        return None

    def _send_back(self, call: ToolCall, problems: Sequence[str]) -> None:
        listed = "; ".join(problems)
        has_pages = self._plain and bool(self._context.table.ids)
        if has_pages and call.id == PLAIN_TEXT and call.arguments.get("found", True):
            # Only for the quote, and with the answer before it: one thing at a time.
            said = one_line(str(call.arguments["text"]), limit=80)
            asked, chat = one_line(self._question, limit=160), self.remembering is not None
            self._context.close_with(quote_plainly(asked, said, chat=chat))
        elif call.id == PLAIN_TEXT:
            self._context.nudge(f"[run] Not accepted: {listed}. Answer again.")
        else:
            self._context.refuse(
                f"not accepted: {listed}. Answer again.", f"not accepted: {problems[0]}"
            )

    def _log(self, call: ToolCall, outcome: str, *, shown: str | None = None) -> None:
        self._context.log.add(LogEntry(self._step, shown or written_call(call), outcome))


def _counted_pages(pages: Collection[PageId]) -> str:
    """`3 passages`, or `3 passages and 1 picture`."""
    pictures = {page for page in pages if isinstance(page, PictureId)}
    passages = f"{len(set(pages) - pictures)} passages"
    return f"{passages} and {counted(len(pictures), 'picture')}" if pictures else passages


def _subject(call: ToolCall) -> str:
    wanted = call.arguments.get("query", call.arguments.get("pattern", ""))
    narrowed = call.arguments.get("documents")
    within = f" in {', '.join(map(str, narrowed))}" if narrowed else ""
    return f'{call.name} "{wanted}"{within}'
