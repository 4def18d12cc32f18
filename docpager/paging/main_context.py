"""MainContext: what the model sees now, what may join it, and when it is rebuilt.

Its opening (instructions, functions, document map, question) is what a run's first request holds
and every later prompt begins with, so the server's count of that request is exact for all of them.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from docpager.core.locators import covers, parse_locator
from docpager.core.passages import Passage, PassageId
from docpager.core.pictures import (
    PageId,
    Picture,
    PictureId,
    are_too_many,
)
from docpager.models.messages import (
    AssistantTurn,
    CallResult,
    FunctionSchema,
    ModelRequest,
    ToolCall,
    Usage,
    UserTurn,
)
from docpager.paging.epoch import BLOCK_TOKENS
from docpager.paging.open_step import NO_ROOM, Fitting, OpenStep, Rebuild, Remarks
from docpager.paging.page_table import PageTable, Residency
from docpager.paging.policies import EvictionPolicy, survivors_within
from docpager.paging.pressure import WindowBudget
from docpager.paging.reading_log import ReadingLog
from docpager.paging.rebuild import Head, Opening, in_reading_order, warning
from docpager.paging.rendering import render_passage
from docpager.paging.statistics import PagingStatistics
from docpager.paging.token_meter import Meter
from docpager.paging.token_sizes import Size
from docpager.paging.working_memory import WorkingMemory

__all__ = ["MainContext"]


PREFETCHED = "[run] This search was made for you: read it, search on, or answer."
"""What stands below prefetched passages."""

TOO_LARGE = "refused: larger than the server's context; ask for less at once"
"""What stands in place of a result that the server does not hold."""

WORTHWHILE_SHARE = 0.1
"""A rebuild that drops released pages alone must leave this share of the window free."""


class MainContext:
    """One run's window: epoch, page table, notes and reading log, kept within a budget."""

    def __init__(
        self,
        *,
        budget: WindowBudget,
        meter: Meter,
        instructions: str,
        functions: tuple[FunctionSchema, ...],
        document_map: str,
        question: str,
        policy: EvictionPolicy,
        closing: str = "",
        conversation: str = "",
    ) -> None:
        self.budget = budget
        self.table = PageTable()
        self.notes = WorkingMemory(cap=budget.notes_cap, count=meter.count)
        self.log = ReadingLog()
        self.statistics = PagingStatistics(window=budget.window)
        self.warned = False
        """Whether the newest request carried the warning."""
        self._meter = meter
        self._instructions = instructions
        self._functions = functions
        self._map = document_map
        self._question = question
        self._policy = policy
        self._remarks = Remarks(meter, step_reserve=budget.step_reserve, closing=closing)
        self._step: OpenStep | None = None
        self._newest: OpenStep | None = None
        """The step that was sealed last."""
        self._fitting: Fitting | None = None
        self._is_first = False
        """Whether the open step is the prefetch, which begins the run's first epoch."""
        self._said = conversation
        """What a chat has at hand; empty elsewhere."""
        self._opening = Opening(
            fixed=budget.fixed, document_map=document_map, question=question, meter=meter,
            conversation=conversation,
        )  # fmt: skip
        self._shown: list[str] = []
        """Results of this epoch that were no refusals: words of documents stand in them."""
        self._uncounted: frozenset[PassageId] = frozenset()
        """Passages that no server count covers yet where they now stand in the prompt."""
        self.shown_pictures: frozenset[PictureId] = frozenset()
        """Pictures that were ever admitted: a page may be named as seen after its picture left."""
        self.epoch = self._opening.first_epoch()

    @property
    def sealed(self) -> bool:
        """Whether the newest step has become part of an epoch."""
        return self._step is None

    @property
    def newest_results(self) -> tuple[CallResult, ...]:
        """Results admitted in the open step, in call order."""
        return tuple(self._step.results) if self._step is not None else ()

    def request(self, *, calls_allowed: bool) -> ModelRequest:
        """What to send: the epoch as it stands."""
        return self.epoch.render(
            instructions=self._instructions,
            functions=self._functions,
            max_output_tokens=self.budget.reserved_output,
            calls_allowed=calls_allowed,
        )

    @property
    def estimate(self) -> int:
        """Tokens of the prompt as it stands, for people and journals.

        From an epoch's second request, where only scripts that the server has counted before are
        new, it is what is likely; elsewhere an upper bound.
        """
        epoch = self.epoch
        grows = epoch.counted is not None and len(epoch.turns) > 1
        known = grows and self._meter.knows(epoch.uncounted)
        return epoch.size.likely if known else epoch.size.most

    def sent(self) -> None:
        """Note that the epoch as it stands is being sent."""
        worst_case = self.budget.worst_case(self.epoch.size.most)
        self.statistics.sent(self.estimate, worst_case)

    def settle(self, usage: Usage | None) -> None:
        """Take the prompt's size from a server that counted it: only the tail stays estimated."""
        if usage is not None and usage.source == "server":
            self._learn(usage.prompt_tokens)
        self.statistics.counted(self.estimate)

    def _learn(self, prompt_tokens: int) -> None:
        texts, is_opening = self.epoch.uncounted, self._opening.is_all_of(self.epoch)
        found = self.epoch.settle(prompt_tokens)
        if is_opening and self.epoch.counted is not None and not self._meter.is_tokenizer:
            self._opening.settle(prompt_tokens)
        if found is None:
            return
        before = self._meter.ceiling
        shortfall = self._meter.observe(texts, found)
        self.table.measure(self._uncounted, self._page_size, shortfall=shortfall)
        self._uncounted = frozenset()
        if self._meter.ceiling != before:
            self.table.weigh(self._page_size)

    # What one step does: open it, admit a result for each call, seal it.

    def open_step(
        self,
        reply: AssistantTurn | None,
        *,
        tokens: int,
        skipped: Sequence[ToolCall] = (),
        remarks: Sequence[str] = (),
        written: Sequence[ToolCall] = (),
    ) -> None:
        """Begin to answer a reply; None for one that cannot be kept, such as an empty one.

        `remarks` (a timer, a user's message) will stand in the step's newest result. `written`
        are calls that stand in the reply's text, `skipped` those at the end of either kind that
        are not executed.
        """
        made = tuple(written) or (reply.calls if reply else ())
        calls = made[: len(made) - len(skipped)]
        self._step = OpenStep(reply, tokens if reply else 0, calls, tuple(skipped))
        if written:
            self._step.written_for = self._question
        self._step.remark = self._remarks.closed(" ".join(remarks))
        self._step.log_tokens = self.log.tokens(
            cap=self.budget.log_cap, count=self._meter.count, resident=self.table.ids
        )
        self._fitting = self._fit(self._step)
        self._fitting.shorten_arguments(self.notes)
        # Even the smallest results would not fit behind this reply, so it cannot be appended. With
        # a warning answered this is an ordinary eviction; without one it is the only rebuild that
        # the model was not told of.
        if not self.budget.fits(self._fitting.appended().most):
            self._step.rebuild = Rebuild.EVICT if self.warned else Rebuild.CROWDED

    def was_shown(self, text: str) -> bool:
        """Whether `text` stands word for word in what documents put into main context.

        What the run says itself (refusals, remarks) does not count: it may propose a call.
        """
        pages = (self.table[id_].passage.text for id_ in self.table.ids)
        notes = (note.text for note in self.notes.notes)
        return any(text in each for each in (*self._shown, *pages, *notes, self._map, self._said))

    def open_prefetch(self, calls: Sequence[ToolCall]) -> None:
        """Begin the step whose results stand in the first request, made without a model.

        It ends as a rebuild does, with its results as text in the first turn of the epoch, and by
        the same arithmetic: a result that is admitted leaves the request below the warning.
        """
        self._step = OpenStep(calls=tuple(calls), rebuild=Rebuild.RELEASED)
        self._step.remark = self._remarks.closed("" if self._remarks.closing else PREFETCHED)
        self._fitting = self._fit(self._step)
        self._is_first = True

    def nudge(self, text: str) -> None:
        """Tell the model something that answers no call."""
        self._open.nudge = self._remarks.cut(text)

    def close_with(self, closing: str) -> None:
        """End the next prompt otherwise than the others, where that is no longer than remarks may
        be."""
        if self._remarks.may_say(closing):
            self._open.remark = closing

    def bound(self) -> int:
        """The most that one result of this step can ever take."""
        # A rebuild that evicts frees the most: nothing that is larger than this can be admitted
        # later in the step, so the executor need not read it.
        free = self._fits.free_after(Rebuild.EVICT, self.notes)
        return max(0, free.most) if free.likely > 0 else 0

    def free(self) -> int:
        """Tokens that the next result may take without evicting anything unreleased."""
        if kind := self._open.rebuild:
            return max(0, self._least_after(kind))
        appended = self.budget.window - self.budget.worst_case(self._fits.appended().most)
        if self.table.released:
            appended = max(appended, self._least_after(Rebuild.RELEASED))
        # Both guarantees at once: the result must fit behind what was sent, and a rebuild right
        # after it must be able to carry it.
        return max(0, min(appended, self._least_after(Rebuild.EVICT)))

    def admit(
        self,
        text: str,
        *,
        is_error: bool = False,
        notes: WorkingMemory | None = None,
        picture: Picture | None = None,
    ) -> bool:
        """Add the result of the next call if it fits, together with the notes it would change."""
        step = self._open
        # `make_room` decides on a rebuild as it looks; a refused result must leave no decision.
        before, size = (step.rebuild, step.log_tokens), self._meter.size(text)
        may_append = True
        if picture is not None:
            size += self._meter.picture_size(picture)
            may_append = not are_too_many([*self.epoch.pictures, *step.pictures, picture])
        block = size + Size.exact(BLOCK_TOKENS)
        if not self._fits.make_room(block, notes or self.notes, may_append=may_append):
            step.rebuild, step.log_tokens = before
            return False
        self.notes = notes or self.notes
        if not is_error:
            self._shown.append(text)
        step.add(text, size=size, is_error=is_error, picture=picture)
        return True

    def admit_picture(self, text: str, picture: Picture) -> bool:
        """Add a result that shows a picture, if it fits and one request can carry so many."""
        unreleased = [entry.page for entry in self.table.unreleased]
        staying = [page for page in unreleased if isinstance(page, Picture)]
        new = [each for each in (*self._open.pictures, picture) if each not in staying]
        return not are_too_many([*staying, *new]) and self.admit(text, picture=picture)

    def admit_pages(self, text: str, *, resident: Collection[PageId], pin: bool) -> bool:
        """Add a result that says `resident` is in main context: it stays with this step."""
        # Pages that a result names must be counted as staying before it is known whether the result
        # fits; the copy undoes it where it does not.
        table, kept = self.table.copy(), self._open.kept
        self.table.reference(resident, pin=pin)
        self._open.kept = kept.union(resident)
        if not self.admit(text):
            self.table.restore(table)
            self._open.kept = kept
            return False
        return True

    def would_admit(self, text: str) -> bool:
        """Whether the next call's result fits, without deciding anything."""
        step = self._open
        before = step.rebuild, step.log_tokens
        fits = self._fits.make_room(self._meter.block(text), self.notes)
        step.rebuild, step.log_tokens = before
        return fits

    def refuse(self, *sentences: str, warn: bool = False) -> None:
        """Answer the next call with the first of these sentences that fits.

        `warn` lets the next request carry the warning: it was refused for want of room.
        """
        self._open.warn = self._open.warn or warn
        # Room for NO_ROOM was set aside for every waiting call (`Fitting.appended`, `rebuilt`), so
        # it is added without asking.
        if not any(self.admit(sentence, is_error=True) for sentence in sentences):
            self._open.add(NO_ROOM, size=self._meter.size(NO_ROOM), is_error=True)

    def enter(self, pages: Sequence[Passage | Picture], *, step: int, pin: bool) -> None:
        """Make pages resident whose text or picture was just admitted."""
        for page in pages:
            self.table.page_in(page, size=self._page_size(page), step=step, pin=pin)
            self._open.loaded.add(page.id)
        self.shown_pictures |= {page.id for page in pages if isinstance(page, Picture)}

    def page_tokens(self, page: Passage | Picture) -> int:
        """What a page takes in main context at most."""
        return self._page_size(page).most

    def seal(self, *, step: int) -> None:
        """Make the step part of an epoch: append it, or start a new one that carries it."""
        opened = self._newest = self._open
        turn = opened.user_turn()
        prompt = self.epoch.size + Size.exact(opened.reply_tokens) + self._meter.user_turn(turn)
        if kind := opened.rebuild or self._rebuild_wanted(prompt):
            self._start_epoch(kind, step=step)
        else:
            self._append(turn, prompt)
        self._step = self._fitting = None

    def go_on(self, message: str, *, step: int) -> bool:
        """Take back that the newest reply was the last one: calls that still wait are answered with
        `message`, and what was told of the end is left out.

        Where the request that says so was made already, a new epoch without it takes its place:
        nothing was read of it. Returns whether one does.
        """
        if self._step is not None:
            self._step.remark = ""
            if not self._step.calls:
                self._step.nudge = self._remarks.cut(f"[run] {message}")
            while self._step.waiting:
                self.refuse(message, "not accepted: look further")
        elif self._newest is not None and self._newest.remark:
            self._newest.remark = ""
            return self.shrink(window=self.budget.window, step=step)
        return False

    def shrink(self, *, window: int, step: int) -> bool:
        """Start a new epoch within a window that may be smaller, as the server does not hold this
        one: pages leave first, then the newest results. False where that is not enough.

        Nothing of the epoch that is given up was read, so its model misses nothing it had seen.
        """
        self.budget = replace(self.budget, window=min(window, self.budget.window))
        opened, refused = self._newest, self.epoch.turns
        while opened is not None:
            self._step, self._fitting = opened, self._fit(opened)
            self._fitting.shorten_arguments(self.notes)
            self._start_epoch(Rebuild.EVICT, step=step)
            self._step = self._fitting = None
            if self.epoch.turns != refused and self.budget.fits(self.epoch.size.most):
                return True
            opened = self._newest = self._shed(opened)
        return False

    def _shed(self, opened: OpenStep) -> OpenStep | None:
        """The step with refusals in place of its results; None where it holds nothing else."""
        if all(result.text == TOO_LARGE for result in opened.results):
            return None
        results = [CallResult(result.call_id, TOO_LARGE, True) for result in opened.results]
        self.shown_pictures -= {picture.id for picture in opened.pictures}
        size = sum((self._meter.size(TOO_LARGE) for _ in results), Size.exact(0))
        return replace(opened, results=results, results_size=size, loaded=set(), kept=set())

    def _fit(self, step: OpenStep) -> Fitting:
        return Fitting(
            step,
            table=self.table,
            budget=self.budget,
            meter=self._meter,
            conversation=self.epoch.size,
            opening=self._opening.size,
            warned=self.warned,
        )

    def _least_after(self, kind: Rebuild) -> int:
        return self._fits.free_after(kind, self.notes).least

    def _page_size(self, page: Passage | Picture) -> Size:
        if isinstance(page, Picture):
            return self._meter.picture_size(page)
        return self._meter.size(render_passage(page) + "\n")

    # How a step ends.

    def _rebuild_wanted(self, prompt: Size) -> Rebuild | None:
        if not self.budget.must_warn(prompt):
            return None
        worthwhile = WORTHWHILE_SHARE * self.budget.window
        # A rebuild costs a whole prompt at the cache's write price; one that frees little would
        # come again at once.
        if self.table.released and self._least_after(Rebuild.RELEASED) >= worthwhile:
            return Rebuild.RELEASED
        return Rebuild.EVICT if self.warned and self.budget.may_evict(prompt) else None

    def _append(self, turn: UserTurn, prompt: Size) -> None:
        opened = self._open
        self.warned = opened.warn or self.budget.must_warn(prompt)
        if self.warned:
            self.statistics.warnings += 1
            # The warning's own tokens are in every size of `Fitting.appended`, so that adding it
            # cannot break the limit.
            pressure = self.budget.pressure(prompt.likely)
            turn = opened.user_turn(warning(pressure, releases=self.releases))
        if opened.reply is not None:
            self.epoch.append_reply(opened.reply, tokens=opened.reply_tokens)
        self.epoch.append(turn, size=self._meter.user_turn(turn))
        self._uncounted |= {id_ for id_ in opened.loaded if isinstance(id_, PassageId)}

    def _start_epoch(self, kind: Rebuild, *, step: int) -> None:
        """A new epoch: the head, the pages that stay, the newest step as text."""
        opened, fits = self._open, self._fits
        staying = self._survivors(kind)
        self._evict_others({entry.id for entry in staying}, step=step)
        spare = self.budget.limits_after_rebuild - fits.rebuilt(staying, self.notes)
        # Of a model that called nothing, what it begins with stands as pages and not as results,
        # the best first.
        plain = self._is_first and bool(self._remarks.closing)
        loaded = frozenset() if plain else opened.loaded
        kept = [entry.page for entry in self.table.unreleased if entry.id not in loaded]
        pages = [page for page in kept if isinstance(page, Passage)]
        head = Head(
            self._map,
            self._question,
            self.notes.render(),
            # Before the first request nothing was done that its pages do not show.
            ""
            if self._is_first
            else self._log(min(self.budget.log_cap, opened.log_tokens + max(0, spare.least))),
            tuple(pages) if plain else in_reading_order(pages),
            () if plain else opened.texts(),
            " ".join(filter(None, (opened.skipped_remark, opened.nudge, opened.remark))),
            (*(page for page in kept if isinstance(page, Picture)), *opened.pictures),
            self._said,
        )
        first, self._is_first = self._is_first, False
        self.epoch = self._opening.next_epoch(
            head.turn(),
            [self.table[page.id] for page in pages],
            number=self.epoch.number + (not first),
        )
        self._uncounted = self.table.ids
        self._shown = [result.text for result in opened.results if not result.is_error]
        self.statistics.rebuilds += not first
        self.warned = False

    def _survivors(self, kind: Rebuild) -> list[Residency]:
        """The unpinned pages that stay."""
        pages = self._fits.unpinned()
        if kind is Rebuild.RELEASED:
            return pages
        room = self._fits.free_after(Rebuild.EVICT, self.notes)
        if kind is Rebuild.EVICT:
            # Pages stay only up to `rebuild_to`: filling the new epoch to the mark would warn at
            # once. By the likely size alone: the worst case is already a hard limit.
            room -= Size(0, max(0, self._extra_headroom))
        return survivors_within(self._policy, pages, room)

    @property
    def _extra_headroom(self) -> int:
        """Tokens that an evicting rebuild frees beyond the least that must be free."""
        return self.budget.limits_after_rebuild.likely - self.budget.survivors_limit

    def _evict_others(self, staying: set[PageId], *, step: int) -> None:
        staying = staying | {entry.id for entry in self._fits.must_stay()}
        left = [entry.page for entry in self.table.keep_only(staying | self._open.loaded)]
        sources = [parse_locator(s) for note in self.notes.notes for s in note.sources]
        passages = [page for page in left if isinstance(page, Passage)]
        noted = {page.id for page in passages if any(covers(s, page) for s in sources)}
        self.statistics.evict([page.id for page in passages], step=step, noted=noted)
        self.statistics.pictures_evicted += len(left) - len(passages)

    def _log(self, cap: int) -> str:
        return self.log.render(cap=cap, count=self._meter.count, resident=self.table.ids)

    @property
    def releases(self) -> bool:
        """Whether the model can release pages."""
        return any(function.name == "page_out" for function in self._functions)

    @property
    def _open(self) -> OpenStep:
        assert self._step is not None, "no step is open"
        return self._step

    @property
    def _fits(self) -> Fitting:
        assert self._fitting is not None, "no step is open"
        return self._fitting
