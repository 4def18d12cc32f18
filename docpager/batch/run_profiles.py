"""Courses: how large the steps of runs were, to tell what more runs like them will take."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from docpager.core.errors import JournalError
from docpager.core.locations import Location
from docpager.core.tokens import BuiltInEstimator
from docpager.run.journal import Entry, JournalRecord, read_journal
from docpager.storage.entry_log import changed_at, logs_in

__all__ = ["RunProfile", "Step", "past_profiles", "profile_of"]

_FRAMING = 60
"""Tokens around a question."""
_NEWEST = 200
"""Journals that are looked at for runs like those to come."""


@dataclass(frozen=True, slots=True)
class Step:
    """One request and its reply."""

    prompt: int
    """Tokens."""
    repeated: int
    """Leading tokens that an earlier request began with too: the one before, or those of other
    questions, which share instructions, functions and document map."""
    output: int
    seconds: float

    def scaled(self, *, prompt: float, output: int | None = None) -> Step:
        """The same step counted by another tokenizer, with replies of another length."""
        return Step(
            round(self.prompt * prompt),
            round(self.repeated * prompt),
            self.output if output is None else output,
            self.seconds,
        )


@dataclass(frozen=True, slots=True)
class RunProfile:
    """One run, step by step."""

    steps: tuple[Step, ...]
    live_usd: float | None = None
    """What it cost, where it was asked live and that is known."""

    @property
    def prompt(self) -> int:
        """Tokens of all its prompts."""
        return sum(step.prompt for step in self.steps)

    @property
    def output(self) -> int:
        """Tokens of all its replies."""
        return sum(step.output for step in self.steps)

    @property
    def seconds(self) -> float:
        return sum(step.seconds for step in self.steps)


def past_profiles(
    folder: Location, *, model: str, window: int, archive_id: str, most: int
) -> list[RunProfile]:
    """Runs of this model with this window that came to their end, the newest first."""
    journals = sorted(logs_in(folder), key=changed_at, reverse=True)
    profiles: list[RunProfile] = []
    for path in journals[:_NEWEST]:
        try:
            record = read_journal(path)
        except JournalError:
            continue
        header = record.header
        like = (header.model, header.plan.paging.window, header.archive_id)
        if like == (model, window, archive_id) and record.outcome is not None:
            profiles.append(profile_of(record))
        if len(profiles) == most:
            break
    return profiles


def profile_of(record: JournalRecord) -> RunProfile:
    """The steps of a run, in the server's tokens where it counted."""
    own = 2 * BuiltInEstimator().count(record.header.plan.question) + _FRAMING
    return RunProfile(tuple(_steps(record.entries, own=own)), _live_usd(record.entries))


def _live_usd(entries: Sequence[Entry]) -> float | None:
    total = 0.0
    for entry in entries:
        if entry.reply is not None:
            if entry.reply.by_batch or entry.reply.cost_usd is None:
                return None
            total += entry.reply.cost_usd
    return total


def _steps(entries: Sequence[Entry], *, own: int) -> Iterator[Step]:
    """`own` is what of its first prompt no other question begins with."""
    asked = before = shared = 0
    for entry in entries:
        if entry.kind == "request":
            asked = entry.prompt_tokens
        if entry.reply is None:
            continue
        usage = entry.reply.usage
        prompt = usage.prompt_tokens if usage is not None else asked
        shared = shared or max(0, prompt - own)
        output = usage.output_tokens if usage is not None else len(str(entry.reply.calls)) // 3
        # A prompt that shrank was rebuilt: it begins anew, as all questions do.
        repeated = before if before and prompt >= before else min(shared, prompt)
        yield Step(prompt, repeated, output, entry.reply.elapsed_seconds)
        before = prompt
