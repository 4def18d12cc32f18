"""Runs as a log that the viewer of Inspect opens (`inspect view`): samples, messages, events.

A sample is a question. Only this room's modules on Inspect import inspect_ai, whose own classes
write the file.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from docpager.batch.questions import Question
from docpager.core.errors import UsageError
from docpager.core.visible import visible
from docpager.evaluation.scoring import METRICS, score
from docpager.exports.held_runs import HeldRun, held_runs
from docpager.exports.inspect_turns import (
    RunTurns,
    began_of,
    model_usage,
    said_by_model,
    shown,
    stable_id,
)
from docpager.models.messages import Usage
from docpager.report.watching import WatchedRun
from docpager.run.answer_line import AnswerLine, Citation
from docpager.version import __version__

if TYPE_CHECKING:
    from inspect_ai.log import EvalError, EvalLog, EvalResults, EvalSample, EvalSampleLimit
    from inspect_ai.model import ChatMessage, ModelOutput, ModelUsage
    from inspect_ai.scorer import Score

__all__ = ["LOG_ENDING", "export_log"]

LOG_ENDING = ".eval"

_LIMITS: Mapping[str, Any] = {
    "max_steps": "turn",
    "max_tokens": "token",
    "max_usd": "cost",
    "timeout_seconds": "time",
}
"""What Inspect calls the limits of a run."""


def export_log(
    paths: Sequence[Path], output: Path, *, questions: Sequence[Question] = ()
) -> tuple[int, list[tuple[str, str]]]:
    """Write a log of all runs; with `questions`, their gold answers and what the answers score.

    Returns how many samples it holds, and the id of each without its steps, and why. The log is
    made in memory.

    Raises:
        UsageError: inspect_ai is not installed, a path holds no runs, nothing can be scored or
            written.
    """
    try:
        from inspect_ai.log import write_eval_log
    except ImportError as error:
        raise UsageError(
            "a log for Inspect needs inspect_ai: pip install 'docpager[inspect]'"
        ) from error
    golds = {question.id: question for question in questions}
    seen: Counter[str] = Counter()
    without_steps, samples, windows = [], [], []
    # One run after the other: the steps of all at once would take more memory than their samples.
    for held in held_runs(paths):
        seen[held.id] += 1
        # A question that was asked again is what Inspect calls another epoch of its sample.
        samples.append(_Sample(held, golds.get(held.id), epoch=seen[held.id]).sample())
        if held.run is None:
            without_steps.append((held.id, held.why_not))
        else:
            windows.append(held.run.header.plan.paging.window)
    if not samples:
        raise UsageError("there are no answers; nothing was written")
    log = _log(paths, samples, window=windows[0] if windows else None)
    temporary = output.with_name(f"{output.stem}.new{LOG_ENDING}")
    try:
        write_eval_log(log, str(temporary), format="eval")
        temporary.replace(output)
    except OSError as error:
        raise UsageError(f"cannot write {str(output)!r}: {error.strerror or error}") from error
    finally:
        temporary.unlink(missing_ok=True)
    return len(samples), without_steps


def _line(held: HeldRun) -> AnswerLine | None:
    """The answer as it is scored."""
    if held.row is not None:
        row = held.row
        return AnswerLine(
            id=row.id, status=row.status, answer=row.answer or None, citations=row.citations
        )
    if held.run is None or held.run.line is None:
        return None
    return held.run.line


@dataclass(slots=True)
class _Sample:
    """One run on its way to a sample."""

    held: HeldRun
    question: Question | None
    epoch: int

    def sample(self) -> EvalSample:
        from inspect_ai.log import EvalSample

        run, row = self.held.run, self.held.row
        line = _line(self.held)
        asked = row.question if row else run.header.plan.question if run else ""
        began = began_of(run) if run is not None else None
        seconds = run.line.seconds if run and run.line else row.seconds if row else 0.0
        conversation = RunTurns(run) if run is not None else None
        events = list(conversation.events()) if conversation is not None else []
        return EvalSample(
            id=visible(self.held.id),
            epoch=self.epoch,
            uuid=stable_id(self.held.id, str(self.held.journal), str(self.epoch)),
            input=shown(asked),
            target=self._target(),
            messages=conversation.messages if conversation else self._short(asked, line),
            output=self._output(line),
            scores=self._scores(line),
            metadata=self._metadata(line),
            model_usage=_usage_of(self.held),
            started_at=began.isoformat() if began else None,
            completed_at=(began + timedelta(seconds=seconds)).isoformat() if began else None,
            total_time=seconds,
            working_time=seconds,
            error=self._error(line),
            limit=_stopped(run),
            events=[*events],
        )

    def _target(self) -> str | list[str]:
        if self.question is None or self.question.answers is None:
            return ""
        if not self.question.answers:
            return "(the documents do not say)"
        return [shown(answer) for answer in self.question.answers]

    def _short(self, asked: str, line: AnswerLine | None) -> list[ChatMessage]:
        """Question and answer alone, where there is no journal."""
        from inspect_ai.model import ChatMessageUser

        id = stable_id(self.held.id, str(self.epoch))
        messages: list[ChatMessage] = [ChatMessageUser(id=f"{id}-asked", content=shown(asked))]
        if line is not None and line.answer:
            messages.append(said_by_model(line.answer, (), f"{id}-said", line.model))
        return messages

    def _output(self, line: AnswerLine | None) -> ModelOutput:
        from inspect_ai.model import ModelOutput

        model = _model(self.held)
        answer = shown(line.answer or "") if line is not None else ""
        return ModelOutput.from_content(model, answer)

    def _scores(self, line: AnswerLine | None) -> dict[str, Score]:
        from inspect_ai.scorer import Score

        answer = shown(line.answer or "") if line is not None else None
        status = Score(value=line.status if line else "unfinished", answer=answer)
        known: Mapping[str, float | None] = {}
        if line is not None and self.question is not None:
            (marks,) = score([self.question.gold], [line])
            known = {name: marks.values.get(name) for name in METRICS}
        return {
            "status": status,
            **{
                name: Score(value=value, answer=answer)
                for name, value in known.items()
                if value is not None
            },
        }

    def _metadata(self, line: AnswerLine | None) -> dict[str, Any]:
        run, row = self.held.run, self.held.row
        metadata: dict[str, Any] = {"journal": visible(str(self.held.journal or ""))}
        if self.held.why_not:
            metadata["no_steps"] = shown(self.held.why_not)
        if line is not None:
            metadata["citations"] = [_cited(citation) for citation in line.citations]
        if run is not None:
            metadata |= {"archive": visible(run.header.archive), "docpager": run.header.package}
            if run.line is not None:
                metadata |= {"paging": run.line.paging, "coverage": str(run.line.coverage)}
        elif row is not None:
            metadata["steps"] = row.steps
        if self.question is not None:
            metadata |= {"question": dict(self.question.axes)}
        return metadata

    def _error(self, line: AnswerLine | None) -> EvalError | None:
        from inspect_ai.log import EvalError

        row = self.held.row
        status = line.status if line is not None else "unfinished"
        if status not in ("failed", "unfinished"):
            return None
        why = row.error if row is not None else line.error if line is not None else ""
        said = shown(why or self.held.why_not or "the run is not finished")
        return EvalError(message=said, traceback=said, traceback_ansi=said)


def _model(held: HeldRun) -> str:
    if held.run is not None:
        return held.run.header.model
    return held.row.model if held.row is not None else ""


def _usage_of(held: HeldRun) -> dict[str, ModelUsage]:
    if held.run is not None:
        return {held.run.header.model: model_usage(held.run.usage, held.run.cost_usd)}
    row = held.row
    if row is None or not row.tokens:
        return {}
    fresh = row.prompt_tokens - row.cache_read_tokens
    usage = Usage(fresh, row.cache_read_tokens, 0, row.tokens - row.prompt_tokens)
    return {row.model: model_usage(usage, row.usd)}


def _stopped(run: WatchedRun | None) -> EvalSampleLimit | None:
    from inspect_ai.log import EvalSampleLimit

    line = run.line if run is not None else None
    if run is None or line is None or line.status != "stopped":
        return None
    limit = getattr(run.header.plan.limits, line.limit or "", None)
    return EvalSampleLimit(
        type=_LIMITS.get(line.limit or "", "custom"),
        limit=float(limit or 0),
        reason=shown(line.error or ""),
    )


def _log(paths: Sequence[Path], samples: list[EvalSample], *, window: int | None) -> EvalLog:
    from inspect_ai.log import EvalConfig, EvalDataset, EvalLog, EvalPlan, EvalSpec, EvalStats
    from inspect_ai.log import EvalPlanStep as Step

    began = sorted(sample.started_at for sample in samples if sample.started_at)
    ended = sorted(sample.completed_at for sample in samples if sample.completed_at)
    usage: dict[str, ModelUsage] = {}
    for sample in samples:
        for model, used in sample.model_usage.items():
            usage[model] = usage[model] + used if model in usage else used
    models = sorted({sample.output.model for sample in samples} - {""})
    ids = sorted({str(sample.id) for sample in samples})
    key = stable_id(*ids, *models, *began)
    return EvalLog(
        status="success",
        eval=EvalSpec(
            created=began[0] if began else datetime.now(UTC).isoformat(timespec="seconds"),
            task="docpager",
            task_id=key,
            run_id=key,
            eval_id=key,
            dataset=EvalDataset(
                name=", ".join(visible(path.name) for path in paths),
                samples=len(ids),
                sample_ids=ids,
            ),
            model=", ".join(models) or "unknown",
            config=EvalConfig(epochs=max(sample.epoch for sample in samples)),
            packages={"docpager": __version__},
        ),
        plan=EvalPlan(steps=[Step(solver="docpager", params={"window": window} if window else {})]),
        results=_results(samples),
        stats=EvalStats(
            started_at=began[0] if began else "",
            completed_at=ended[-1] if ended else "",
            model_usage=usage,
        ),
        samples=samples,
    )


def _results(samples: Sequence[EvalSample]) -> EvalResults:
    """The mean of each score, and which share of the questions was answered."""
    from inspect_ai.log import EvalMetric, EvalResults, EvalScore

    values: dict[str, list[float]] = defaultdict(list)
    for sample in samples:
        for name, given in (sample.scores or {}).items():
            answered = float(given.value == "answered")
            values[name].append(answered if name == "status" else float(str(given.value)))
    return EvalResults(
        total_samples=len(samples),
        completed_samples=sum(sample.error is None for sample in samples),
        scores=[
            EvalScore(
                name=name,
                scorer=name,
                scored_samples=len(given),
                unscored_samples=len(samples) - len(given),
                metrics={metric: EvalMetric(name=metric, value=fmean(given))},
            )
            for name, given in values.items()
            for metric in ["answered" if name == "status" else "mean"]
        ],
    )


def _cited(citation: Citation) -> dict[str, Any]:
    return {
        "place": visible(str(citation.place)),
        "quote": shown(citation.quote),
        "match": citation.match,
        "seen": citation.seen,
    }
