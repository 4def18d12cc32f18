"""`docpager batch`."""

from __future__ import annotations

import asyncio
import re
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from docpager.cli.ask import INTERRUPTED, tell_ingested
from docpager.cli.batch_view import batch_watch, print_estimate, tell_plan, tell_report, tell_rounds
from docpager.cli.live_view import watching_options
from docpager.cli.model_options import limit_options, model_options, prepared_model
from docpager.cli.options import (
    LOCATION,
    archive_option,
    as_json_option,
    embedder_for,
    embedder_option,
    engine_option,
    examples,
    ocr_options,
    tell_misspelt,
)
from docpager.cli.progress import Machines, ingest_progress
from docpager.cli.terminal import note, print_json
from docpager.core.locations import Location
from docpager.core.settings import DEFAULT_BATCH_USD

if TYPE_CHECKING:
    from docpager.batch.job import BatchJob
    from docpager.batch.progress import BatchReport
    from docpager.batch.questions import Question
    from docpager.batch.session import Session
    from docpager.batch.settings import BatchSettings
    from docpager.cli.batch_view import BatchWatch
    from docpager.run.preparation import PreparedModel

__all__ = ["batch"]

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


class Duration(click.ParamType):  # type: ignore[type-arg]
    """A length of time such as `90s`, `30m` or `2h`, in seconds."""

    name = "time"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Seconds."""
        match = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", str(value).strip())
        if match is None:
            self.fail(f"{value!r} is not a length of time; write 90s, 30m or 2h", param, ctx)
        return float(match[1]) * _UNITS[match[2]]


@click.command(
    epilog=examples(
        "docpager batch questions.jsonl reports/ -o answers.jsonl --max-usd 5",
        "docpager batch questions.jsonl -o answers.jsonl --estimate",
        "docpager batch questions.jsonl -o answers.parquet --retry-failed",
    )
)
@click.argument("questions", type=LOCATION)
@click.argument("paths", nargs=-1, metavar="[PATH]...", type=LOCATION)
@click.option(
    "-o",
    "--output",
    required=True,
    type=LOCATION,
    metavar="FILE",
    help="The file for the answers: .jsonl, or .csv, .xlsx or .parquet for a table, which is made "
    "whenever the batch ends or stops; its lines are kept beside it, to continue from.",
)
@archive_option
@embedder_option
@model_options
@limit_options(of_each=" for a question", of_all=" in the whole batch", usd=DEFAULT_BATCH_USD)
@click.option(
    "--concurrency",
    type=click.IntRange(min=1),
    metavar="N",
    help="The most questions worked on at once. Default: 8, with "
    "--engine 8 for each of its workers, and 500 with --via batches.",
)
@click.option(
    "--via",
    type=click.Choice(["live", "batches"]),
    default="live",
    show_default=True,
    help="`live`: single requests. `batches`: Message Batches, one step of every question in each: "
    "half the price, long waits.",
)
@click.option(
    "--finish-live-after",
    type=Duration(),
    help="With --via batches: finish what is left after this time (90s, 30m, 2h) live.",
)
@click.option(
    "--estimate",
    is_flag=True,
    help="Print expected tokens, dollars and time. Asks no server and spends nothing.",
)
@click.option(
    "--retry-failed",
    is_flag=True,
    help="Ask the questions again that failed or stopped at a limit.",
)
@click.option(
    "--skip-invalid", is_flag=True, help="Leave out invalid lines of QUESTIONS, and name them."
)
@click.option(
    "--in-order", is_flag=True, help="At the end, sort the answers in the order of the questions."
)
@click.option(
    "--journals",
    type=LOCATION,
    metavar="DIR",
    help="The folder for the journals of the runs. Default: `runs` in the archive.",
)
@ocr_options
@engine_option
@watching_options
@as_json_option
def batch(
    questions: Location,
    paths: tuple[Location, ...],
    output: Location,
    archive_directory: Location,
    embedder: str | None,
    concurrency: int | None,
    via: str,
    finish_live_after: float | None,
    estimate: bool,
    retry_failed: bool,
    skip_invalid: bool,
    in_order: bool,
    journals: Location | None,
    ocr: bool,
    ocr_language: str,
    engine: str | None,
    as_json: bool,
    **how: Any,
) -> None:
    """Answer all QUESTIONS (JSONL) from the documents under PATH.

    Each line of QUESTIONS has a "question", and may have an "id", "documents", "answers" and
    "evidence". The same command again continues a batch, within the same --max-usd.
    """
    from docpager.api.ask_many import bounded, estimate_many, own_files
    from docpager.batch.answers_file import check_ending
    from docpager.batch.job import BatchJob
    from docpager.batch.settings import BatchSettings

    check_ending(output)
    shown = {name: how.pop(name) for name in ("quiet", "verbose", "log")}
    asked = _read(questions, skip_invalid=skip_invalid)
    max_usd, max_tokens = how.pop("max_usd"), how.pop("max_tokens")  # of the batch, not of a run
    prepared = prepared_model(**how, max_usd=None, max_tokens=None, default_max_usd=False)
    settings = BatchSettings(concurrency, via == "batches", finish_live_after, max_usd, max_tokens)
    settings = bounded(settings, paid=prepared.paid)
    job = BatchJob(
        asked,
        output,
        journals=journals,
        retry_failed=retry_failed,
        skip_invalid=skip_invalid,
        in_order=in_order,
    )
    own = own_files(output, questions, *([journals] if journals is not None else []))
    where: dict[str, Any] = {"archive": archive_directory, "paths": paths, "without": own}
    if paths:
        language = ocr_language if ocr else ""
        _ingest(**where, embedder=embedder, language=language, quiet=shown["quiet"])
    if estimate:
        forecast = asyncio.run(estimate_many(job, prepared, settings, on_message=note, **where))
        print_estimate(forecast, prepared, settings, as_json=as_json)
        return
    with batch_watch(**shown) as watch:
        report = asyncio.run(_drive(job, prepared, settings, engine, watch, **where))
    sys.exit(_told(report, as_json=as_json))


def _ingest(
    paths: Sequence[Location],
    archive: Location,
    *,
    embedder: str | None,
    without: Sequence[Location],
    language: str,
    quiet: bool,
) -> None:
    from docpager.api.ask import bring_up_to_date
    from docpager.archive.ingest_files import ReadingSettings

    reading = ReadingSettings(ocr=True, ocr_language=language) if language else None
    chosen = embedder_for(archive, embedder)
    with ingest_progress(quiet=quiet) as progress:
        bring_up_to_date(
            paths,
            archive,
            embedder=chosen,
            progress=progress,
            on_ingested=tell_ingested,
            without=without,
            reading=reading,
        )


def _read(path: Location, *, skip_invalid: bool) -> tuple[Question, ...]:
    """The questions of a file, once what is wrong with it was said."""
    from docpager.batch.questions import read_questions

    read = read_questions(path, skip_invalid=skip_invalid)
    for bad in read.skipped:
        note(f"skipped: {bad}")
    tell_misspelt(read.other_fields)
    return read.questions


async def _drive(
    job: BatchJob,
    prepared: PreparedModel,
    settings: BatchSettings,
    engine: str | None,
    watch: BatchWatch,
    **where: Any,
) -> BatchReport:
    from docpager.api.ask_many import batch_session
    from docpager.batch.session import SessionHooks
    from docpager.engines.engine import engine_or_none

    _allow_files(2 * max(settings.seats if settings.by_batches else 0, settings.live_places))
    hooks = SessionHooks(on_message=note, on_step=watch.take)
    prepared.model.notify = note
    with engine_or_none(engine) as running:
        watch.machines = Machines(running)
        async with batch_session(
            job, prepared, settings, hooks=hooks, engine=running, **where
        ) as session:
            tell_plan(session)
            if settings.by_batches and (bill := await session.weigh_rounds()) is not None:
                tell_rounds(bill)
            with _stopping(session), watch.shown(session):
                report = await session.drive()
    tell_report(report)
    return report


def _allow_files(count: int) -> None:
    """Let so many journals and connections be open at once, as far as the system allows."""
    try:
        import resource
    except ImportError:  # not a Unix: there is no such limit
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count + 256 if hard == resource.RLIM_INFINITY else min(hard, count + 256)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


@contextmanager
def _stopping(session: Session) -> Iterator[None]:
    """Ctrl-C and SIGTERM let every run go at its next step; a second one at once."""
    loop = asyncio.get_running_loop()

    def stop(name: str) -> None:
        note(f"{name}: stopping after the replies that are under way (repeat to stop at once)")
        session.stop(name)

    names = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated"}
    for number, name in names.items():
        loop.add_signal_handler(number, stop, name)
    try:
        yield
    finally:
        for number in names:
            loop.remove_signal_handler(number)


def _told(report: BatchReport, *, as_json: bool) -> int:
    """The exit code, once the report is printed that was asked for."""
    if as_json:
        print_json(asdict(report))
    if report.why_stopped in ("interrupted", "terminated"):
        return INTERRUPTED
    return 0 if report.succeeded else 1
