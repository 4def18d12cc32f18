"""The sets of questions that the reader is measured with, each in two halves of documents."""

from __future__ import annotations

import ast
import gzip
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from benchmarks.retrieval.question_sets import SETS, RetrievalQuestion
from docpager.evaluation.numbers import only_figure

__all__ = ["READER_SETS", "Asked", "ReaderSet", "in_half"]

LONGEST_CHECKED = 6
"""Words of a gold answer up to which an answer's text is checked against it."""
LEVAL = ("natural_question", "legal_contract_qa")
"""The tasks of L-Eval whose answers stand word for word in their document."""
TICKERS = {"AAPL": "Apple", "AMZN": "Amazon", "NVDA": "NVIDIA"}


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, the half it belongs to, and what would be a good answer."""

    question: RetrievalQuestion
    half: str
    """`a` may be looked at; `b` may not."""
    answers: tuple[str, ...] = ()
    """Gold answers that a text can be checked against; empty where there are none."""
    evidence: str = ""
    """A text that stands in the document and is the evidence, where no place is known."""
    names: tuple[str, ...] = ()
    """Companies, persons and titles that stand in the question."""


@dataclass(frozen=True, slots=True)
class ReaderSet:
    """Questions over one folder of documents."""

    name: str
    folder: Path
    names_documents: bool
    """Whether its questions say which document they mean; the others are asked of theirs alone."""
    asked: tuple[Asked, ...]


def in_half(asked: Sequence[Asked], half: str, most: int) -> list[Asked]:
    """At most `most` questions of a half, drawn by a hash of their words."""
    chosen = [each for each in asked if each.half == half]
    return sorted(chosen, key=lambda each: _hash(each.question.text))[:most]


def financebench(data: Path, work: Path) -> ReaderSet:
    """The set that the reader was made with: company filings."""
    records = list(_records(data / "financebench" / "questions.jsonl"))
    found = SETS["financebench"](data, work)
    extra = [((str(r["answer"]),), (str(r["company"]),)) for r in records]
    return ReaderSet(found.name, found.folder, True, _asked(found.questions, extra))


def docugami(data: Path, work: Path) -> ReaderSet:
    """Quarterly reports of three companies. Many questions are about all reports of one, so that
    all of a company's reports are in one half."""
    found = SETS["docugami"](data, work)
    extra = [
        ((), tuple({TICKERS[each.split()[-1].removesuffix(".pdf")] for each in q.documents}))
        for q in found.questions
    ]
    return ReaderSet(found.name, found.folder, True, _asked(found.questions, extra))


def mmlongbench(data: Path, work: Path) -> ReaderSet:
    """Documents of every kind. Questions say "the report": each is asked of its document alone."""
    found = SETS["mmlongbench"](data, work)
    records = [
        record
        for record in _records(data / "mmlongbench-doc" / "questions.jsonl")
        if ast.literal_eval(record["evidence_pages"])
    ]
    extra = [((str(r["answer"]),) if r["answer_format"] != "List" else (), ()) for r in records]
    return ReaderSet(found.name, found.folder, False, _asked(found.questions, extra))


def hotpotqa(data: Path, work: Path) -> ReaderSet:
    """Paragraphs of an encyclopaedia; a document is a paragraph."""
    found = SETS["hotpotqa"](data, work)
    lines = gzip.decompress((data / "multihop" / "hotpotqa.dev.jsonl.gz").read_bytes())
    extra = []
    for line in lines.splitlines():
        record = json.loads(line)
        titles = [title.partition(" (")[0] for title, _ in record["supporting_facts"]]
        extra.append(((record["answer"],), tuple(dict.fromkeys(titles))))
    questions = [RetrievalQuestion(q.text, q.places, q.places) for q in found.questions]
    return ReaderSet(found.name, found.folder, True, _asked(questions, extra))


def leval(data: Path, work: Path) -> ReaderSet:
    """Articles and contracts, each asked of alone; the evidence is where the answer stands."""
    folder = work / "leval-documents"
    folder.mkdir(parents=True, exist_ok=True)
    questions, extra, evidence, paths = [], [], [], dict[str, str]()
    for task in LEVAL:
        content = gzip.decompress((data / "leval-longdoc" / f"{task}.dev.jsonl.gz").read_bytes())
        for number, line in enumerate(content.splitlines()):
            record = json.loads(line)
            # Some records share their text, and equal files are one document of an archive.
            path = paths.setdefault(record["input"], f"{task}-{number:02}.txt")
            (folder / path).write_text(record["input"], "utf-8")
            for text, answer in zip(record["instructions"], record["outputs"], strict=True):
                if _flat(answer).casefold() in _flat(record["input"]).casefold():
                    questions.append(
                        RetrievalQuestion(text.strip(), frozenset(), frozenset({path}))
                    )
                    extra.append(((answer,), ()))
                    evidence.append(_flat(answer))
    asked = _asked(questions, extra, evidence)
    return ReaderSet("L-Eval", folder, False, asked)


READER_SETS: dict[str, Callable[[Path, Path], ReaderSet]] = {
    "financebench": financebench,
    "docugami": docugami,
    "mmlongbench": mmlongbench,
    "hotpotqa": hotpotqa,
    "leval": leval,
}


def _asked(
    questions: Sequence[RetrievalQuestion],
    extra: Sequence[tuple[tuple[str, ...], tuple[str, ...]]],
    evidence: Sequence[str] = (),
) -> tuple[Asked, ...]:
    halves = _halves([question.documents for question in questions])
    return tuple(
        Asked(
            question, halves[min(question.documents)],
            tuple(filter(_is_checkable, answers)), text,
            tuple(name for name in names if name.casefold() in question.text.casefold()),
        )
        for question, (answers, names), text in zip(
            questions, extra, evidence or [""] * len(questions), strict=True
        )
    )  # fmt: skip


def _halves(groups: Iterable[frozenset[str]]) -> dict[str, str]:
    """The half of each document. Those that one question is about go together, by a hash of the
    first of them, so that no document of a question of one half is looked at through the other."""
    joined: dict[str, set[str]] = {}
    for group in groups:
        merged = set(group).union(*(joined.get(each, ()) for each in group))
        joined |= dict.fromkeys(merged, merged)
    return {document: "ab"[_hash(min(merged))[0] % 2] for document, merged in joined.items()}


def _hash(text: str) -> bytes:
    return sha256(text.encode()).digest()


def _is_checkable(answer: str) -> bool:
    return only_figure(answer) is not None or len(answer.split()) <= LONGEST_CHECKED


def _records(path: Path) -> Iterator[dict[str, Any]]:
    for line in path.read_text("utf-8").splitlines():
        yield json.loads(line)


def _flat(text: str) -> str:
    return " ".join(text.split())
