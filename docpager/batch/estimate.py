"""What a batch will take: tokens, dollars and time, each with a band.

Samples of runs like those to come: past ones, else a few played by the built-in reader.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from docpager.batch.answers_file import answered_ids
from docpager.batch.batch_pricing import RoundsBill, compare, live_usd, rounds_usd, step_usd
from docpager.batch.job import BatchArchive, BatchJob, Fingerprint, asked_of, decisive
from docpager.batch.journals import JournalNames
from docpager.batch.plan import Task
from docpager.batch.run_profiles import RunProfile, Step, past_profiles, profile_of
from docpager.batch.settings import BatchSettings
from docpager.core.errors import DocpagerError
from docpager.core.locations import Location
from docpager.core.passages import counted
from docpager.core.settings import RunLimits
from docpager.models.extractive import ExtractiveModel
from docpager.models.pricing import Price
from docpager.run.archival_storage import OpenArchive
from docpager.run.journal import read_journal
from docpager.run.preparation import PreparedModel
from docpager.run.service import ask_archive

__all__ = [
    "FEWEST_PAST",
    "Band",
    "Estimate",
    "Sample",
    "as_asked",
    "estimate",
    "estimate_job",
    "sample_runs",
]

FEWEST_PAST = 5
"""Past runs below which they are no sample."""
MOST_PAST = 60
REHEARSED = 12
"""Questions that the reader plays: enough for a band, a few seconds."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Courses of runs like those to come."""

    profiles: tuple[RunProfile, ...]
    following: float = 0.0
    """Share of the questions to come that follow another one on the same documents."""
    rehearsed: bool = False
    """Whether the built-in reader played them, for a model that it is not."""

    @property
    def source(self) -> str:
        """Where they come from, for people."""
        count = len(self.profiles)
        if self.rehearsed:
            return f"{counted(count, 'question')} put to the rule-based reader, which costs nothing"
        return f"{counted(count, 'run')} with this model"


async def sample_runs(
    tasks: Sequence[Task], archive: OpenArchive, prepared: PreparedModel, *, journals: Location
) -> Sample:
    """Past runs of this model on this archive if there are some, else a rehearsal. Costs nothing
    and asks no server."""
    asked = prepared.settings
    following = 1 - len({task.scope for task in tasks}) / max(1, len(tasks))
    past = past_profiles(
        journals,
        model=prepared.model.name,
        window=asked.paging.window,
        archive_id=archive.id,
        most=MOST_PAST,
    )
    if len(past) >= FEWEST_PAST:
        return Sample(tuple(past), following)
    profiles = []
    with tempfile.TemporaryDirectory(prefix="docpager-") as scratch:
        for number, task in enumerate(_spread(tasks, REHEARSED)):
            journal = Path(scratch) / f"{number}.jsonl"
            if await _play(task, archive, prepared, journal):
                profiles.append(profile_of(read_journal(journal)))
    return Sample(tuple(profiles), following, rehearsed=prepared.model.name != ExtractiveModel.name)


async def _play(task: Task, archive: OpenArchive, prepared: PreparedModel, journal: Path) -> bool:
    """Let the reader answer one question; False where it cannot be asked at all."""
    limits = replace(prepared.settings.limits, max_usd=None, max_tokens=None)
    try:
        await ask_archive(
            task.question,
            archive,
            ExtractiveModel(),
            settings=replace(prepared.settings, limits=limits),
            scope=task.scope,
            journal=journal,
            id=task.id,
        )
    except DocpagerError:
        return False
    return True


def _spread(tasks: Sequence[Task], count: int) -> list[Task]:
    """So many of them, evenly over the whole."""
    if len(tasks) <= count:
        return list(tasks)
    return [tasks[(2 * n + 1) * len(tasks) // (2 * count)] for n in range(count)]


_DRAWS = 400
_SEED = 7
_TAIL = 0.01
"""Share of the draws left out on either side."""


@dataclass(frozen=True, slots=True)
class Band:
    """A figure that is not known: what is likely, and between what it will be."""

    low: float
    likely: float
    high: float

    def __contains__(self, figure: float) -> bool:
        return self.low <= figure <= self.high

    def widened(self, below: float, above: float) -> Band:
        """With a further doubt, as factors."""
        return Band(self.low * below, self.likely, self.high * above)

    def capped(self, most: float | None) -> Band:
        """What cannot be more than `most`, because a limit holds; None for no limit."""
        if most is None:
            return self
        return Band(min(self.low, most), min(self.likely, most), min(self.high, most))


@dataclass(frozen=True, slots=True)
class _Doubts:
    """What a sample leaves open, as factors on what it shows."""

    steps: tuple[float, float]
    prompt: tuple[float, float]
    """Tokens of a prompt."""
    output: tuple[float, float]
    seconds: tuple[float, float]

    def of(self, *names: str) -> tuple[float, float]:
        """Several doubts at once."""
        below = above = 1.0
        for name in names:
            low, high = getattr(self, name)
            below, above = below * low, above * high
        return below, above


_PAST = _Doubts(steps=(0.75, 1.35), prompt=(0.97, 1.03), output=(0.9, 1.1), seconds=(0.5, 2.0))
"""The questions that were asked may have been easier than those to come."""
_OTHER = _Doubts(steps=(0.5, 2.0), prompt=(0.7, 1.35), output=(0.4, 3.0), seconds=(0.4, 2.5))
"""Another model than the one that played: it thinks, reads on, and counts in other tokens."""

LIKELY_PROMPT = 0.75
"""Tokens of a prompt, as a share of what an uncalibrated counter with its safety factor says."""
LIKELY_OUTPUT = {True: 700, False: 200}
"""Tokens of a reply, for models that think and those that do not."""
LIKELY_SECONDS = 8.0
"""From a request to its reply."""
ROUND_SECONDS = Band(300.0, 1_800.0, 14_400.0)
"""One message batch: most end within the hour, none takes more than a day."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What is still to be taken."""

    questions: int
    source: str
    """What it was made from."""
    steps: Band
    prompt_tokens: Band
    output_tokens: Band
    usd: Band | None
    """By the way that was asked for; None where no price is known."""
    seconds: Band
    rounds: RoundsBill | None = None
    """What rounds would cost beside live runs; None for models without a price."""


def estimate(
    questions: int, sample: Sample, prepared: PreparedModel, settings: BatchSettings
) -> Estimate:
    """What so many questions like those of `sample` take."""
    profiles = as_asked(sample, prepared)
    doubts = _OTHER if sample.rehearsed else _PAST
    price = prepared.price if prepared.paid else None
    following = sample.following
    bill = compare(profiles, price, following=following) if price and profiles else None

    def usd(profile: RunProfile) -> float:
        if price is None:
            return 0.0
        if not settings.by_batches:
            return live_usd(profile, price, following=following)
        assert bill is not None
        return rounds_usd(profile, price, hit_rate=bill.hit_rate if bill.cached else None)

    def total(
        figure: Callable[[RunProfile], float], *names: str, each_at_most: float | None
    ) -> Band:
        band = _total(profiles, figure, questions).widened(*doubts.of(*names))
        return band.capped(None if each_at_most is None else each_at_most * questions)

    limits = prepared.settings.limits
    tokens, dollars = limits.max_tokens, limits.max_usd
    spent = total(usd, "steps", "prompt", each_at_most=dollars)
    most_usd = None if dollars is None else dollars * questions
    return Estimate(
        questions=questions,
        source=sample.source if questions else "nothing, as nothing is left to ask",
        steps=total(lambda run: len(run.steps), "steps", each_at_most=limits.max_steps),
        prompt_tokens=total(lambda run: run.prompt, "steps", "prompt", each_at_most=tokens),
        output_tokens=total(lambda run: run.output, "steps", "output", each_at_most=tokens),
        usd=None if prepared.price is None else _usd_band(spent, settings).capped(most_usd),
        seconds=_time(profiles, questions, settings, doubts, limits),
        rounds=bill,
    )


async def estimate_job(
    job: BatchJob,
    archive: BatchArchive,
    prepared: PreparedModel,
    settings: BatchSettings,
    *,
    on_message: Callable[[str], None] = lambda _: None,
) -> Estimate:
    """What is still to be done of a batch; nothing is written, sent or spent.

    `on_message` is called with each question that is left out, and why.

    Raises:
        UsageError: questions name documents that are not there, or the output was started with
            other settings or questions.
    """
    questions, scopes = asked_of(job, archive, on_message=on_message)
    done = answered_ids(
        job.output,
        fingerprint=Fingerprint.of(questions, **decisive(prepared, archive, job)),
        begun=JournalNames.any_begun,
    )
    tasks = [
        Task(each.id, each.question, scopes[each.id]) for each in questions if each.id not in done
    ]
    if not tasks:
        return estimate(0, Sample(()), prepared, settings)
    journals = job.journals or archive.directory / "runs"
    sample = await sample_runs(tasks, archive, prepared, journals=journals)
    return estimate(len(tasks), sample, prepared, settings)


def as_asked(sample: Sample, prepared: PreparedModel) -> Sequence[RunProfile]:
    """The sample's runs in the tokens of the model that is to be asked, as far as the limits on a
    question let each go."""
    limits, price = prepared.settings.limits, prepared.price
    return [_within(profile, limits, price) for profile in _in_its_tokens(sample, prepared)]


def _in_its_tokens(sample: Sample, prepared: PreparedModel) -> Sequence[RunProfile]:
    if not sample.rehearsed:
        return sample.profiles
    thinks = prepared.settings.paging.max_output > 4_096
    return [
        RunProfile(
            tuple(
                replace(
                    step.scaled(prompt=LIKELY_PROMPT, output=LIKELY_OUTPUT[thinks]),
                    seconds=LIKELY_SECONDS,
                )
                for step in profile.steps
            )
        )
        for profile in sample.profiles
    ]


def _within(profile: RunProfile, limits: RunLimits, price: Price | None) -> RunProfile:
    """The run up to where a limit on one question would have ended it."""
    most = (limits.timeout_seconds, limits.max_tokens, limits.max_usd)
    taken = [0.0, 0.0, 0.0]
    steps: list[Step] = []
    for step in profile.steps[: limits.max_steps]:
        usd = step_usd(step, price) if price is not None else 0.0
        for place, more in enumerate((step.seconds, step.prompt + step.output, usd)):
            taken[place] += more
        if any(
            limit is not None and so_far > limit for so_far, limit in zip(taken, most, strict=True)
        ):
            break
        steps.append(step)
    return profile if len(steps) == len(profile.steps) else RunProfile(tuple(steps))


def _usd_band(band: Band, settings: BatchSettings) -> Band:
    """Rounds also depend on the luck of the cache."""
    return band.widened(0.8, 1.25) if settings.by_batches else band


def _total(
    profiles: Sequence[RunProfile], figure: Callable[[RunProfile], float], questions: int
) -> Band:
    """The sum over all questions, by drawing from the sample again and again."""
    figures = [figure(profile) for profile in profiles]
    if not figures:
        return Band(0.0, 0.0, 0.0)
    draw = random.Random(_SEED)
    means = sorted(sum(draw.choices(figures, k=len(figures))) / len(figures) for _ in range(_DRAWS))
    cut = int(_TAIL * _DRAWS)
    likely = sum(figures) / len(figures)
    # Drawing from few shows too little of how much they may differ.
    stretch = 1 + 4 / len(figures)
    low = max(min(figures), likely - stretch * (likely - means[cut]))
    high = likely + stretch * (means[-1 - cut] - likely)
    return Band(low * questions, likely * questions, high * questions)


def _time(
    profiles: Sequence[RunProfile],
    questions: int,
    settings: BatchSettings,
    doubts: _Doubts,
    limits: RunLimits,
) -> Band:
    """From the first request to the last reply."""
    if settings.by_batches:
        most = max((len(profile.steps) for profile in profiles), default=0)
        waves = -(-questions // settings.seats)
        return Band(*(each * most * waves for each in _values(ROUND_SECONDS)))
    places = min(settings.live_places, max(1, questions))
    all_steps = _total(profiles, lambda profile: profile.seconds, questions)
    longest = max((profile.seconds for profile in profiles), default=0.0)
    spread = Band(*(max(each / places, longest) for each in _values(all_steps)))
    spread = spread.widened(*doubts.of("steps", "seconds"))
    limit = limits.timeout_seconds
    return spread if limit is None else spread.capped(limit * -(-questions // places))


def _values(band: Band) -> tuple[float, float, float]:
    return band.low, band.likely, band.high
