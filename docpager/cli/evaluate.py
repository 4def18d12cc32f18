"""`docpager evaluate`."""

from __future__ import annotations

import asyncio
import math
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from docpager.cli.options import as_json_option, examples, tell_misspelt
from docpager.cli.terminal import note, print_json, say
from docpager.core.errors import UsageError
from docpager.core.passages import counted
from docpager.core.settings import RunLimits

if TYPE_CHECKING:
    from docpager.batch.judging import Judgement
    from docpager.batch.responses import AnsweredQuestions
    from docpager.evaluation.intervals import Interval
    from docpager.evaluation.records import Axis
    from docpager.evaluation.scoring import Marks

__all__ = ["evaluate"]

_NAMED_AT_MOST = 5
_FILE = click.Path(path_type=Path)


@click.command(
    epilog=examples(
        "docpager evaluate answers.jsonl questions.jsonl",
        "docpager evaluate answers.jsonl questions.jsonl --by kind --missing-as-failed",
    )
)
@click.argument("answers", type=_FILE)
@click.argument("questions", type=_FILE)
@click.option(
    "--by",
    "axes",
    multiple=True,
    metavar="FIELD",
    help="Also split the results by this field of the questions. May be repeated.",
)
@click.option(
    "--tolerance",
    type=click.FloatRange(min=0),
    default=0.01,
    show_default=True,
    metavar="SHARE",
    help="How far a figure may differ from the gold figure, as a share of it.",
)
@click.option(
    "--missing-as-failed", is_flag=True, help="Count questions without an answer line as failed."
)
@click.option(
    "--skip-invalid", is_flag=True, help="Leave out invalid lines of QUESTIONS, and name them."
)
@click.option(
    "--judge",
    metavar="MODEL",
    help="Also ask this language model whether each answer is right. Its failures count as wrong.",
)
@click.option(
    "--verdicts",
    type=_FILE,
    metavar="FILE",
    help="Keeps the verdicts, so that scoring again costs nothing. Default: beside ANSWERS.",
)
@click.option(
    "--base-url", metavar="URL", help="The address of the judge's server, if it is not Anthropic's."
)
@click.option(
    "--prices",
    type=_FILE,
    envvar="DOCPAGER_PRICES",
    show_envvar=True,
    metavar="FILE",
    help="A file of prices (TOML) that are used instead of the built-in ones.",
)
@click.option(
    "--max-usd",
    type=float,
    metavar="DOLLARS",
    help="The most that the judge may cost. Default: 1 for a model that costs money.",
)
@as_json_option
def evaluate(
    answers: Path,
    questions: Path,
    axes: tuple[str, ...],
    tolerance: float,
    missing_as_failed: bool,
    skip_invalid: bool,
    judge: str | None,
    verdicts: Path | None,
    base_url: str | None,
    prices: Path | None,
    max_usd: float | None,
    as_json: bool,
) -> None:
    """Score ANSWERS against the gold answers in QUESTIONS.

    ANSWERS is what `docpager batch` wrote (JSONL or Parquet); QUESTIONS has gold "answers" and
    "evidence". Each metric is a mean over the questions it applies to, with a 95 % bootstrap
    interval.
    """
    from docpager.batch.responses import read_answered

    if not math.isfinite(tolerance):
        raise UsageError(f"--tolerance must be a finite share such as 0.01, not {tolerance:g}")
    limits = RunLimits(max_usd=max_usd)
    answered = read_answered(
        answers, questions, missing_as_failed=missing_as_failed, skip_invalid=skip_invalid
    )
    _tell_left_out(answered, axes)
    groups = _groups(answered.marks(tolerance=tolerance), axes)
    errors: Mapping[str, str] = {}
    if judge is not None:
        place = verdicts or answers.with_name(answers.name + ".verdicts.jsonl")
        said = _judge(answered, judge, place, base_url=base_url, prices=prices, limits=limits)
        groups = _groups(answered.marks(tolerance=tolerance, verdicts=said.verdicts), axes)
        errors = said.errors
    if not as_json:
        counts = ", ".join(f"{n} {status}" for status, n in sorted(answered.statuses.items()))
        say(f"{counted(len(answered.pairs), 'question')}: {counts}")
    for axis, value, group in groups:
        if as_json:
            whole = {"statuses": answered.statuses}
            named = whole if axis is None else {"by": axis, "value": value}
            _print_lines(group, named)
        else:
            _print(group, axis, value)
    if errors:
        sys.exit(1)


def _groups(
    marks: Sequence[Marks], axes: Sequence[str]
) -> list[tuple[str | None, Axis, Sequence[Marks]]]:
    """All questions, then those of every value of every axis."""
    from docpager.evaluation.summary import by_axis

    groups: list[tuple[str | None, Axis, Sequence[Marks]]] = [(None, None, marks)]
    for axis in axes:
        groups += [(axis, value, group) for value, group in by_axis(marks, axis)]
    return groups


def _print_lines(marks: Sequence[Marks], named: Mapping[str, object]) -> None:
    from docpager.evaluation.summary import summarise

    for metric, interval in summarise(marks).items():
        print_json({**named, "metric": metric, **asdict(interval)})


def _print(marks: Sequence[Marks], axis: str | None, value: Axis) -> None:
    from docpager.evaluation.summary import summarise

    if axis is not None:
        named = "(none)" if value is None else value
        say(f"\n{axis} = {named}: {counted(len(marks), 'question')}", lines=True)
    _print_table(summarise(marks))


def _print_table(summary: Mapping[str, Interval]) -> None:
    from docpager.evaluation.scoring import METRICS

    say(f"{'':<28}{'mean':>6}  {'95 % interval':<14}{'n':>6}")
    for metric, interval in summary.items():
        name = metric.replace("_", " ")
        bounds = f"{interval.low:.3f}-{interval.high:.3f}"
        say(f"{name:<28}{interval.mean:>6.3f}  {bounds:<14}{interval.n:>6}  {METRICS[metric]}")


def _judge(
    answered: AnsweredQuestions,
    judge: str,
    verdicts: Path,
    *,
    base_url: str | None,
    prices: Path | None,
    limits: RunLimits,
) -> Judgement:
    from docpager.batch.judging import judge_answers
    from docpager.cli.config import check_project_values
    from docpager.models.registry import ModelSource
    from docpager.run.preparation import prepare

    check_project_values("base_url", "prices")
    prepared = prepare(
        judge,
        source=ModelSource(base_url=base_url or ""),
        limits=limits,
        default_max_usd=True,
        prices=prices,
        environment=os.environ,
    )
    if prepared.paid:
        note(f"judge {judge}: costs at most ${prepared.settings.limits.max_usd:g} (--max-usd)")

    async def ask() -> Judgement:
        try:
            return await judge_answers(answered.pairs, prepared, verdicts)
        finally:
            await prepared.model.close()

    judgement = asyncio.run(ask())
    _tell_judgement(judge, judgement)
    return judgement


def _tell_left_out(answered: AnsweredQuestions, axes: Sequence[str]) -> None:
    for bad in answered.skipped:
        note(f"left out: {bad}")
    unused = [name for name in answered.other_fields if name not in axes]
    if unused:
        note(f"fields that are not scored (--by splits results by them): {', '.join(unused)}")
    tell_misspelt(unused)
    if answered.missing:
        note(f"{counted(answered.missing, 'question')} without an answer, counted as failed")


def _tell_judgement(judge: str, judgement: Judgement) -> None:
    kept = len(judgement.verdicts) - judgement.asked
    cost = "at an unknown price" if judgement.usd is None else f"${judgement.usd:.4f}"
    note(
        f"judge {judge}: {counted(judgement.asked, 'answer')} judged now "
        f"({counted(judgement.tokens, 'token')}, {cost}), "
        f"{counted(kept, 'verdict')} kept from before"
    )
    if errors := judgement.errors:
        note(f"no verdict on {len(errors)}: they count as wrong; evaluate again to ask once more")
        for id, reason in list(errors.items())[:_NAMED_AT_MOST]:
            note(f"  {id}: {reason}")
