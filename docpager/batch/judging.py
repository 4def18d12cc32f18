"""A language model's verdicts on answers: each is asked for once, kept, and never skipped."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from docpager.batch.questions import Question
from docpager.core.errors import ModelError, UsageError
from docpager.models.budget import Budget
from docpager.models.limiter import AdaptiveLimiter
from docpager.models.messages import ModelRequest, UserTurn
from docpager.models.metered_model import MeteredModel
from docpager.models.registry import READER
from docpager.paging.epoch import PromptSizer
from docpager.paging.rendering import fence, marker_for
from docpager.run.answer_line import AnswerLine
from docpager.run.preparation import PreparedModel, usable
from docpager.storage.json_lines import LineAppender, read_lines

__all__ = ["Judgement", "VerdictFile", "judge_answers", "parse_verdict", "verdict_request"]

TIMEOUT_SECONDS = 120.0
"""How long one verdict may take, further attempts included."""

_AT_ONCE = 8
_VERDICT = re.compile(r"[\W_]*(?:verdict\W+)?(?P<not>in)?correct[\W_]*", re.IGNORECASE)
_SHOWN = 60
_BEGINNING = b'{"key": "'


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a judge said of every answer that it had to be asked about."""

    verdicts: Mapping[str, bool | None]
    """By question; None where there is an error, which counts as wrong."""
    errors: Mapping[str, str]
    """Why there is no verdict, by question."""
    asked: int
    """Answers that the judge was asked about this time; the others' verdicts were kept."""
    tokens: int
    usd: float | None
    """What this time took; None where no price is known."""


class VerdictFile:
    """Verdicts on disk, so that scoring again costs nothing. Errors are not kept: they are asked
    again."""

    def __init__(self, path: Path) -> None:
        """Open `path`, or begin it.

        Raises:
            UsageError: it cannot be written, or holds something else.
        """
        try:
            path.touch()
            self._kept, end = _stored(path)
            self._appender = LineAppender(path, end=end)
        except OSError as error:
            raise UsageError(f"cannot write {str(path)!r}: {error.strerror}") from error

    def get(self, key: str) -> bool | None:
        """The verdict on exactly this request to this judge; None where there is none."""
        return self._kept.get(key)

    def keep(self, key: str, correct: bool, *, id: str, judge: str) -> None:
        """Write a verdict down."""
        self._appender.append({"key": key, "id": id, "judge": judge, "correct": correct})
        self._kept[key] = correct

    def close(self) -> None:
        self._appender.close()


async def judge_answers(
    pairs: Iterable[tuple[Question, AnswerLine]],
    judge: PreparedModel,
    verdicts: Path,
    *,
    timeout_seconds: float = TIMEOUT_SECONDS,
) -> Judgement:
    """A verdict on every answer to an answerable question; those kept at `verdicts` are not asked
    for again.

    Raises:
        UsageError: the judge is no language model or cannot be asked with these settings, or the
            file cannot be written.
        ModelError: there are no credentials for the judge.
    """
    if judge.model.name == READER:
        raise UsageError(
            "the rule-based reader is not a language model and cannot judge; name one that is"
        )
    bench = _Bench(judge, timeout_seconds=timeout_seconds)
    requests = {q.id: bench.request(q, r) for q, r in pairs if q.answers and r.answered}
    keys = {id: _key(judge.model.name, request) for id, request in requests.items()}
    with closing(VerdictFile(verdicts)) as kept:
        waiting = [id for id in requests if kept.get(keys[id]) is None]
        if waiting:
            await usable(judge)
        errors: dict[str, str] = {}

        async def ask(id: str) -> None:
            try:
                correct = await bench.verdict(requests[id])
            except ModelError as error:
                errors[id] = str(error)
            else:
                kept.keep(keys[id], correct, id=id, judge=judge.model.name)

        await _each(ask, waiting)
    return Judgement(
        verdicts={id: kept.get(key) for id, key in keys.items()},
        errors=errors,
        asked=len(waiting),
        tokens=round(bench.spending.tokens.spent),
        usd=None if judge.price is None else bench.spending.usd.spent,
    )


def verdict_request(
    question: Question, response: AnswerLine, *, max_output_tokens: int
) -> ModelRequest:
    """What a judge is asked: the same words for the same question, gold and answer."""
    gold = "\n".join(f"- {answer}" for answer in question.answers or ())
    parts = {
        "Question": question.question,
        "Accepted answers": gold,
        "Answer to grade": response.answer or "",
    }
    marker = marker_for(question.question, parts.values())
    text = "\n\n".join(f"{title}:\n{fence(part, marker)}" for title, part in parts.items())
    return ModelRequest(_instructions(), (), (UserTurn(text),), max_output_tokens)


def parse_verdict(text: str) -> bool:
    """Whether a judge's reply says CORRECT, on its last line.

    Raises:
        ModelError: it says neither CORRECT nor INCORRECT there.
    """
    lines = text.strip().splitlines()
    said = _VERDICT.fullmatch(lines[-1]) if lines else None
    if said is None:
        shown = " ".join(text.split())[:_SHOWN]
        raise ModelError(f"the reply is not a verdict: {shown!r}")
    return said["not"] is None


class _Bench:
    """One judge at work: what it is asked, and what that costs in all."""

    def __init__(self, judge: PreparedModel, *, timeout_seconds: float) -> None:
        limits = judge.settings.limits
        self.spending = Budget(max_tokens=limits.max_tokens, max_usd=limits.max_usd)
        self._judge = judge
        self._timeout_seconds = timeout_seconds
        self._limiter = AdaptiveLimiter()
        self._sizer = PromptSizer.of(judge.settings.counter, judge.settings.factor)

    def request(self, question: Question, response: AnswerLine) -> ModelRequest:
        output = self._judge.settings.paging.max_output
        return verdict_request(question, response, max_output_tokens=output)

    async def verdict(self, request: ModelRequest) -> bool:
        """Whether the judge calls an answer correct.

        Raises:
            ModelError: there is no verdict, for whatever reason.
        """
        metered_model = MeteredModel(
            self._judge.model,
            price=self._judge.price,
            spending=self.spending,
            limiter=self._limiter,
        )
        tokens = self._sizer.fixed(request.instructions, ()) + sum(
            map(self._sizer.turn, request.turns)
        )
        try:
            async with asyncio.timeout(self._timeout_seconds):
                reply = await metered_model.complete(request, prompt_tokens=tokens)
        except TimeoutError as error:
            raise ModelError(f"no reply within {self._timeout_seconds:g} s") from error
        return parse_verdict(reply.text)


async def _each(ask: Callable[[str], Awaitable[None]], ids: Sequence[str]) -> None:
    """Ask for every one of them, a few at a time."""
    left = iter(ids)

    async def work() -> None:
        for id in left:
            await ask(id)

    async with asyncio.TaskGroup() as group:
        for _ in range(min(_AT_ONCE, len(ids))):
            group.create_task(work())


@cache
def _instructions() -> str:
    return (files("docpager.batch") / "judge.md").read_text("utf-8").strip()


def _key(judge: str, request: ModelRequest) -> str:
    """A verdict's name: it holds as long as judge, instructions, gold and answer are the same."""
    asked = [
        judge,
        request.instructions,
        *(turn.text for turn in request.turns if isinstance(turn, UserTurn)),
    ]
    return hashlib.sha256(json.dumps(asked).encode()).hexdigest()[:32]


def _stored(path: Path) -> tuple[dict[str, bool], int]:
    """The verdicts in a file, and where its last whole line ends."""
    kept: dict[str, bool] = {}
    end = 0
    for line in read_lines(path):
        if line.torn and kept and _begins_as_verdict(path, line.start):
            break
        kept.update([_kept(path, line.number, line.value)])
        end = line.end if line.ended else _ended(path)
    return kept, end


def _begins_as_verdict(path: Path, start: int) -> bool:
    """Whether what stands there can be the beginning of a line that `keep` writes."""
    with path.open("rb") as file:
        file.seek(start)
        return _BEGINNING.startswith(file.read(len(_BEGINNING)))


def _ended(path: Path) -> int:
    """Where a file ends once its last line has its line end."""
    with path.open("ab") as file:
        file.write(b"\n")
        return file.tell()


def _kept(path: Path, number: int, line: Mapping[str, Any] | None) -> tuple[str, bool]:
    key, correct = (line or {}).get("key"), (line or {}).get("correct")
    if not isinstance(key, str) or not isinstance(correct, bool):
        raise UsageError(
            f"line {number} of {str(path)!r} is not a verdict; remove it, or "
            "name another file with `verdicts=`"
        )
    return key, correct
