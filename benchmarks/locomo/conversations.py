"""Reads LoCoMo: ten conversations of two persons over months, with questions about them.

Maharana et al., "Evaluating Very Long-Term Conversational Memory of LLM Agents" (arXiv:2402.17753).
The data are not part of docpager: `locomo10.zip` or its unpacked folder is named on the command
line.
"""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

__all__ = [
    "KINDS",
    "LocomoQuestion",
    "LongConversation",
    "SaidTurn",
    "deep_questions",
    "read_conversations",
    "sample",
]

KINDS: Mapping[int, str] = {
    1: "several hops",
    2: "time",
    3: "open",
    4: "single hop",
    5: "adversarial",
}
"""Kinds of questions by their number in the files."""

_SESSION = re.compile(r"session_(\d+)")
_EVIDENCE = re.compile(r"D\d+:\d+")
_WHEN = "%I:%M %p on %d %B, %Y"


@dataclass(frozen=True, slots=True)
class SaidTurn:
    """What one person said, with the caption of the picture that they sent."""

    id: str
    """As the files name it: `D3:12`, the twelfth turn of the third session."""
    session: int
    when: datetime
    """When its session began, in UTC: turns carry no times of their own."""
    speaker: str
    text: str

    @property
    def line(self) -> str:
        """The turn as every system shows it."""
        return f"{self.speaker}: {self.text}"


@dataclass(frozen=True, slots=True)
class LocomoQuestion:
    """One question about a conversation."""

    id: str
    kind: str
    text: str
    answers: tuple[str, ...]
    """The gold answer; none where the conversation does not tell (adversarial questions)."""
    evidence: tuple[str, ...]
    """Ids of the turns that tell. Those of adversarial questions tell of the other person."""


@dataclass(frozen=True, slots=True)
class LongConversation:
    """One conversation, its turns in the order in which they were said."""

    name: str
    turns: Sequence[SaidTurn]
    questions: Sequence[LocomoQuestion]

    @property
    def sessions(self) -> Mapping[int, Sequence[SaidTurn]]:
        """The turns by their session, oldest session first."""
        found: dict[int, list[SaidTurn]] = {}
        for turn in self.turns:
            found.setdefault(turn.session, []).append(turn)
        return found


def read_conversations(path: Path) -> list[LongConversation]:
    """All conversations of a zip file or a folder, by name.

    Raises:
        ValueError: there is no conversation.
    """
    found = [_conversation(name, written) for name, written in sorted(_files(path))]
    if not found:
        raise ValueError(f"{path} holds no conversation (*.json); is it LoCoMo's zip or folder?")
    return found


def sample(conversations: Iterable[LongConversation], per_kind: int) -> list[LocomoQuestion]:
    """So many questions of each kind, drawn by the hash of their ids from all conversations."""
    by_kind: dict[str, list[LocomoQuestion]] = {}
    for conversation in conversations:
        for question in conversation.questions:
            by_kind.setdefault(question.kind, []).append(question)
    return [
        question
        for kind in KINDS.values()
        for question in sorted(by_kind.get(kind, []), key=_rank)[:per_kind]
    ]


def deep_questions(conversation: LongConversation) -> list[LocomoQuestion]:
    """One question for each session but the last, in their order, to be asked after the last: what
    MemGPT calls deep memory retrieval (arXiv:2310.08560, section 3.1.1).

    Of the single-hop questions whose evidence lies in that session alone, the first by the hash of
    its id; a session without one is left out.
    """
    place = {turn.id: turn.session for turn in conversation.turns}
    by_session: dict[int, list[LocomoQuestion]] = {}
    for question in conversation.questions:
        sessions = {place[turn] for turn in question.evidence}
        if question.kind == "single hop" and question.answers and len(sessions) == 1:
            by_session.setdefault(sessions.pop(), []).append(question)
    asked = list(conversation.sessions)[:-1]
    return [min(by_session[number], key=_rank) for number in asked if number in by_session]


def _rank(question: LocomoQuestion) -> str:
    return hashlib.sha256(f"locomo {question.id}".encode()).hexdigest()


def _files(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if path.is_dir():
        for file in path.rglob("*.json"):
            yield file.stem, json.loads(file.read_text("utf-8"))
        return
    with zipfile.ZipFile(path) as packed:
        for name in packed.namelist():
            if name.endswith(".json") and "__MACOSX" not in name:
                yield Path(name).stem, json.loads(packed.read(name))


def _conversation(name: str, written: Mapping[str, Any]) -> LongConversation:
    numbers = sorted(int(match[1]) for key in written if (match := _SESSION.fullmatch(key)))
    turns = [turn for number in numbers for turn in _session(number, written)]
    known = {turn.id for turn in turns}
    questions = [_question(name, n, asked, known) for n, asked in enumerate(written["qa"])]
    return LongConversation(name, turns, questions)


def _session(number: int, written: Mapping[str, Any]) -> Iterator[SaidTurn]:
    when = datetime.strptime(written[f"session_{number}_date_time"], _WHEN)
    for said in written[f"session_{number}"]:
        text = str(said.get("text") or "").strip()
        if caption := said.get("blip_caption"):
            text = f"{text} [sends a picture: {caption}]".strip()
        yield SaidTurn(said["dia_id"], number, when.replace(tzinfo=UTC), said["speaker"], text)


def _question(
    name: str, number: int, written: Mapping[str, Any], known: set[str]
) -> LocomoQuestion:
    kind = KINDS[written["category"]]
    gold = written.get("answer")
    answers = () if kind == "adversarial" or gold is None else (str(gold),)
    named = _EVIDENCE.findall(" ".join(written.get("evidence") or ()))
    evidence = tuple(dict.fromkeys(turn for turn in named if turn in known))
    return LocomoQuestion(f"{name}-{number}", kind, written["question"], answers, evidence)
