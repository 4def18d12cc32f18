"""One question from its words to its answer line: plans the run, opens the journal, drives it."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from docpager.core.errors import JournalError, LimitReached, UsageError
from docpager.core.locations import Location
from docpager.core.passages import DocumentEntry
from docpager.core.settings import RunLimits
from docpager.core.tokens import TokenCounter
from docpager.models.budget import Budget
from docpager.models.limiter import AdaptiveLimiter
from docpager.models.messages import ChatModel
from docpager.models.metered_model import MeteredModel, RequestHooks
from docpager.models.pricing import Price, price_of
from docpager.paging.conversation import Conversation
from docpager.paging.epoch import PromptSizer
from docpager.run.answer_line import AnswerLine, answer_line
from docpager.run.archival_storage import ArchivalStorage, OpenArchive
from docpager.run.driver import Driver
from docpager.run.executor import FunctionExecutor
from docpager.run.journal import Entry, Header, Journal, JournalRecord, read_journal
from docpager.run.observer import RunObserver, observer_of
from docpager.run.outcome import Stopped
from docpager.run.page_pictures import PictureStore, draw_page, offered_pictures
from docpager.run.plan import RunPlan, chat_room, plan_run
from docpager.run.preparation import AskSettings, measured, naming_context, suited
from docpager.run.replay import (
    RecordingCounter,
    Replay,
    check_archive,
    counter_named,
    needs_no_file,
)
from docpager.run.state import Run
from docpager.run.tool_results import ToolResult
from docpager.storage.entry_log import log_exists
from docpager.version import __version__

__all__ = [
    "AskSettings",
    "SharedResources",
    "ask_archive",
    "check_limits",
    "open_replay",
    "question_id",
    "resume_run",
]

_RAISED = ("max_steps", "timeout_seconds", "max_usd", "max_tokens")
ROOM_PER_HIT = 300
"""Tokens of room for each hit of a result page: small windows get short pages."""


@dataclass(frozen=True, slots=True)
class SharedResources:
    """What a run of a batch shares with the others, and how its batch attends it."""

    spending: Budget
    """Limits on all of them together."""
    limiter: AdaptiveLimiter
    by_batch: bool = False
    """Whether every request goes out in a message batch, at its price."""
    hooks: RequestHooks | None = None
    """What the batch does around the requests of this run."""
    counting_gate: AdaptiveLimiter | None = None
    """Where the server's counts of prompts wait; None for `limiter`."""
    unanswered_is_lost: Callable[[JournalRecord], bool] = lambda _: True
    """Whether a request that was under way when the process ended must be counted as billed."""


def question_id(question: str) -> str:
    """A name for a question that has none: from its content."""
    return hashlib.sha256(question.strip().encode("utf-8", "surrogatepass")).hexdigest()[:12]


async def ask_archive(
    question: str,
    archive: OpenArchive,
    model: ChatModel,
    *,
    settings: AskSettings | None = None,
    scope: Collection[int] | None = None,
    journal: Location | None = None,
    id: str | None = None,
    on_started: Callable[[Location], None] | None = None,
    on_driver: Callable[[Driver], None] | None = None,
    shared: SharedResources | None = None,
    at_hand: Callable[[int, PromptSizer], Awaitable[Conversation]] | None = None,
    on_outcome: Callable[[Run], None] | None = None,
) -> AnswerLine:
    """Answer one question from an open archive, or from the documents `scope` of it.

    A chat's turn is given what it has `at_hand`, made for the room there is (in tokens) and counted
    as the run counts; what the run leaves is told to `on_outcome`.

    `journal` is where the run is written down, by default in the archive's `runs/`; `on_started`
    is called with it, and `on_driver` with the driver, which takes messages for the model.

    Raises:
        UsageError: the question is empty or too long, the window too small, or a limit on dollars
            is given for a model without a price.
        JournalError: the journal cannot be written.
        LimitReached: what the run shares with others does not pay for its first call and its
            finishing one; nothing was started. (Where its own limits do not, the run ends.)
    """
    settings = settings or AskSettings()
    price = price_of(model.name, prices=settings.prices)  # in the header: billed as it began
    check_limits(settings.limits, model.name, price)
    documents = _documents(archive, scope)
    with naming_context(settings):
        plan, counter, settings = await _planned(
            question, archive, documents, model, settings, at_hand
        )
    run = Run(plan, counter, price=price)
    header = _header(run, archive, documents, settings, model=model.name, scope=scope, id=id)
    path = journal or _journal_path(archive, header)
    executor = _executor(archive, header, counter)
    prefetched = await _prefetch(run, executor)
    # In this order: a run that a batch cannot pay for raises before its journal is made.
    with _calling(run, model, shared) as metered_model, Journal.create(path, header) as writer:
        if on_started is not None:
            on_started(path)
        recording = None if needs_no_file(settings.counter) else counter
        driver = _driver(
            run, metered_model, executor, writer, archive, observer_of(header, path),
            counter=recording, on_driver=on_driver,
        )  # fmt: skip
        if prefetched:
            driver.write_prefetched(prefetched)
        await driver.drive()
    if on_outcome is not None:
        on_outcome(run)
    return answer_line(run, header, journal=str(path))


async def _planned(
    question: str,
    archive: OpenArchive,
    documents: Sequence[DocumentEntry],
    model: ChatModel,
    settings: AskSettings,
    at_hand: Callable[[int, PromptSizer], Awaitable[Conversation]] | None,
) -> tuple[RunPlan, RecordingCounter, AskSettings]:
    """The plan of a run, what counts its tokens, and the settings as they were measured."""
    settings = await suited(settings, model)
    chat, has_documents = at_hand is not None, bool(documents)
    # Not in a chat: pages are no turns, and what was seen in one turn is not there in the next.
    pictures = None if chat else offered_pictures(settings.paging, model, archive, documents)
    settings, fixed = await measured(
        settings, model, pictures=pictures is not None, chat=chat, documents=has_documents
    )
    counter = RecordingCounter(settings.counter)
    conversation = None
    if at_hand is not None:
        room, sizer = chat_room(
            settings.paging,
            counter=counter,
            factor=settings.factor,
            fixed=fixed,
            documents=has_documents,
        )
        conversation = await at_hand(room, sizer)
    plan = plan_run(
        question,
        documents,
        counter=counter,
        factor=settings.factor,
        paging=settings.paging,
        limits=settings.limits,
        policy=settings.policy,
        fixed=fixed,
        pictures=pictures,
        conversation=conversation,
    )
    return plan, counter, settings


async def resume_run(
    path: Location,
    archive: OpenArchive,
    model: ChatModel,
    *,
    on_new_archive: bool = False,
    limits: RunLimits | None = None,
    shared: SharedResources | None = None,
    on_driver: Callable[[Driver], None] | None = None,
    on_outcome: Callable[[Run], None] | None = None,
) -> AnswerLine:
    """Go on with a run from its journal: calls that have no results yet are executed first.

    Its limits are those it began with, or `limits` from now on, also where one had stopped it; what
    it has spent counts.

    Raises:
        UsageError: `limits` are given, and the run ended otherwise, or the limit that stopped it is
            not raised.
        JournalError: the journal is damaged, or belongs to another archive or model, or a document
            that the run has met has changed (unless `on_new_archive`).
        LimitReached: as `ask_archive`.
    """
    record = read_journal(path)
    header = record.header
    check_archive(record, archive, on_new_archive=on_new_archive)
    if model.name != header.model:
        raise JournalError(f"the run in {path} is of model {header.model!r}, not {model.name!r}")
    counter = counter_named(header.plan.counter)
    recording = None if needs_no_file(counter) else RecordingCounter(counter)
    replay = Replay(record, recording or counter)
    run = replay.finish()
    if limits is not None:
        check_limits(limits, model.name, run.price)
        _check_raised(run, limits, path)
        run.extend(limits)
    if record.outcome is None or limits is not None:
        executor = _executor(archive, header, counter)
        prefetched = await _prefetch(run, executor)
        with _calling(run, model, shared) as metered_model, Journal.resume(record) as writer:
            driver = _driver(
                run, metered_model, executor, writer, archive, observer_of(header, path),
                counter=recording, met=record.documents, on_driver=on_driver,
            )  # fmt: skip
            if limits is not None:
                writer.write(Entry("extended", run.steps, limits=limits))
            # Nobody knows whether the server billed the request that was under way: it counts at
            # its worst, or repeated crashes could spend any amount.
            if record.unanswered and (shared is None or shared.unanswered_is_lost(record)):
                driver.charge_unanswered()
            writer.write(Entry("resumed", run.steps))
            if header.plan.counts_each:  # the counts of a server have to prove themselves again
                await model.measure_tokens(header.plan.instructions, header.plan.functions)
            if prefetched:
                driver.write_prefetched(prefetched)
            await driver.drive(replay.pending)
    if on_outcome is not None:
        on_outcome(run)
    return answer_line(run, header, journal=str(path))


def _driver(
    run: Run,
    metered_model: MeteredModel,
    executor: FunctionExecutor,
    journal: Journal,
    archive: OpenArchive,
    observer: RunObserver,
    *,
    counter: RecordingCounter | None,
    met: Collection[int] = (),
    on_driver: Callable[[Driver], None] | None = None,
) -> Driver:
    driver = Driver(
        run,
        metered_model=metered_model,
        executor=executor,
        journal=journal,
        pictures=PictureStore.beside(journal.path),
        sha256_of=archive.sha256,
        text_sha256_of=archive.text_sha256,
        counter=counter,
        met=met,
        observer=observer,
    )
    if on_driver is not None:
        on_driver(driver)
    return driver


async def _prefetch(run: Run, executor: FunctionExecutor) -> Sequence[ToolResult]:
    """Make the search that the run is to begin with, if it is, and give it to the run."""
    if not run.wants_prefetch:
        return ()
    results = await asyncio.to_thread(executor.prefetch, run)
    run.prefetch(results)
    return results


def open_replay(path: Location, *, against: OpenArchive | None = None) -> Replay:
    """A run that can be made again from its journal, and from an archive if one is given."""
    record = read_journal(path)
    replay = Replay(record)
    if against is not None:
        check_archive(record, against, on_new_archive=True)
        replay.executor = _executor(against, record.header, replay.counter)
        replay.text_sha256_of = against.text_sha256
        replay.versions = lambda: against.versions
    return replay


def _header(
    run: Run,
    archive: OpenArchive,
    documents: Sequence[DocumentEntry],
    settings: AskSettings,
    *,
    model: str,
    scope: Collection[int] | None,
    id: str | None,
) -> Header:
    return Header(
        plan=run.plan,
        model=model,
        archive=str(archive.directory),
        archive_id=archive.id,
        generation=archive.generation,
        package=__version__,
        question_id=id or question_id(run.plan.question),
        scope=None if scope is None else tuple(sorted(scope)),
        hits_per_page=min(10, max(3, run.context.budget.room // ROOM_PER_HIT)),
        passages=sum(entry.passages for entry in documents),
        unreadable=sum(len(entry.unreadable_pdf_pages) for entry in documents),
        pages=_pages(documents),
        started=datetime.now(UTC).isoformat(timespec="seconds"),
        price=run.price,
        source=settings.source,
        whole_text_tokens=sum(entry.tokens for entry in documents),
        versions=dict(archive.versions),
    )


def check_limits(limits: RunLimits, model: str, price: Price | None) -> None:
    """Refuse a limit on a run that cannot be kept.

    Raises:
        UsageError: a limit on dollars, for a model without a price.
    """
    if limits.max_usd is not None and price is None:
        raise UsageError(
            f"no price is known for {model!r}, so `max_usd=` cannot be kept; name its prices with "
            "`prices=`, or limit the run with `max_tokens=`"
        )


def _pages(documents: Sequence[DocumentEntry]) -> int:
    """Pages, slides and sheets; 0 where a document has none: a count without it would mislead."""
    counts = [entry.pdf_pages for entry in documents]
    return sum(counts) if all(counts) else 0


def _check_raised(run: Run, limits: RunLimits, path: Location) -> None:
    """See that a run goes on within other limits.

    Raises:
        UsageError: it has ended for another reason, or what stopped it would stop it again.
    """
    outcome = run.outcome
    if outcome is None:
        return
    if not isinstance(outcome, Stopped) or outcome.limit not in _RAISED:
        raise UsageError(
            f"the run in {path} has ended ({outcome.status}) and no limit that can be raised "
            "stopped it; ask again"
        )
    before, now = getattr(run.plan.limits, outcome.limit), getattr(limits, outcome.limit)
    if before is not None and now is not None and now <= before:
        raise UsageError(
            f"the run in {path} stopped at `{outcome.limit}={before:g}`; name a higher one"
        )


@contextlib.contextmanager
def _calling(run: Run, model: ChatModel, shared: SharedResources | None) -> Iterator[MeteredModel]:
    """The run's way to its model, within what its limits leave and those it shares allow."""
    limits = run.plan.limits
    own = Budget(
        max_tokens=limits.max_tokens,
        max_usd=limits.max_usd,
        spent=run.spent,
        within=shared.spending if shared else None,
    )
    metered_model = MeteredModel(
        model,
        price=run.price,
        spending=own,
        limiter=shared.limiter if shared else None,
        by_batch=shared is not None and shared.by_batch,
        hooks=shared.hooks if shared else None,
        counting_gate=shared.counting_gate if shared else None,
    )
    try:
        if shared is not None and run.outcome is None:
            _set_aside(run, metered_model)
        yield metered_model
    finally:
        metered_model.release()


def _set_aside(run: Run, metered_model: MeteredModel) -> None:
    """See that a run which shares its limits can be paid for to its end before it is begun.

    Raises:
        LimitReached: what is shared does not pay for it; another time it may.
    """
    output = run.plan.paging.max_output
    try:
        metered_model.keep(prompt_tokens=run.largest_prompt, output_tokens=output)
        if not run.steps:
            # Sizes the first prompt; asked for again by the driver, it is the same request.
            run.next_request()
            metered_model.keep_first(prompt_tokens=run.context.epoch.tokens, output_tokens=output)
    except LimitReached as limit:
        if limit.shared:
            raise
        # Its own limit is as short at any other time: the driver ends the run and says so, as it
        # does with a run that shares nothing.
        metered_model.release()


def _documents(archive: ArchivalStorage, scope: Collection[int] | None) -> Sequence[DocumentEntry]:
    return [e for e in archive.documents() if scope is None or e.id in scope]


def _executor(archive: OpenArchive, header: Header, counter: TokenCounter) -> FunctionExecutor:
    price = header.plan.pictures
    return FunctionExecutor(
        archive,
        functions=header.plan.functions,
        sizer=PromptSizer.of(counter, header.plan.factor),
        hits_per_page=header.hits_per_page,
        scope=header.scope,
        rules=header.plan.rules,
        question=header.plan.question,
        at_hand=header.plan.conversation.shown if header.plan.conversation else None,
        pictures=price,
        draw=partial(draw_page, archive, price=price) if price is not None else None,
    )


def _journal_path(archive: OpenArchive, header: Header) -> Location:
    """A new name in the archive's `runs/`: by time, then by question."""
    stamp = datetime.now().strftime("%Y%m%d-%H%M%S")
    folder = archive.directory / "runs"
    path = folder / f"{stamp}-{header.question_id}.jsonl"
    number = 1
    while log_exists(path):
        number += 1
        path = folder / f"{stamp}-{header.question_id}-{number}.jsonl"
    return path
