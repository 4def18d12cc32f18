"""Five sets of questions with known places of their evidence, from one folder of data."""

from __future__ import annotations

import ast
import gzip
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pypdfium2

__all__ = ["SETS", "RetrievalQuestion", "RetrievalSet"]

_LONG_FIGURE = re.compile(r"\d{1,3}(?:,\d{3})+|\d{4,}|\d+\.\d+")


@dataclass(frozen=True, slots=True)
class RetrievalQuestion:
    """A question, where its evidence stands, and the documents it is about."""

    text: str
    places: frozenset[str]
    """`file.pdf:p12` (pages from 1), or the path of a paragraph."""
    documents: frozenset[str]
    """Paths."""


@dataclass(frozen=True, slots=True)
class RetrievalSet:
    name: str
    folder: Path
    """What is ingested."""
    questions: tuple[RetrievalQuestion, ...]


def financebench(data: Path, work: Path) -> RetrievalSet:
    """58 questions over 28 filings; evidence pages by the authors (counted from 0 there)."""
    home = data / "financebench"
    questions = [
        RetrievalQuestion(
            record["question"],
            frozenset(
                f"{each['doc_name']}.pdf:p{each['evidence_page_num'] + 1}"
                for each in record["evidence"]
            ),
            frozenset({f"{record['doc_name']}.pdf"}),
        )
        for record in _lines(home / "questions.jsonl")
    ]
    return RetrievalSet("FinanceBench", home / "pdfs", tuple(questions))


def docugami(data: Path, work: Path) -> RetrievalSet:
    """Questions over 12 quarterly reports. The set names documents, not pages: a document's
    evidence is taken to be the pages that hold most of the answer's long figures; questions whose
    answer has none are left out."""
    home = data / "docugami-sec-10q"
    pages = {path.name: _pages(path) for path in sorted((home / "pdfs").glob("*.pdf"))}
    questions = []
    for record in _lines(home / "questions.jsonl"):
        documents = [name for name in pages if fnmatchcase(name, f"{record['source_docs']}.pdf")]
        figures = frozenset(_LONG_FIGURE.findall(record["answer"].split("SOURCE(S)")[0]))
        # Years stand on every page.
        figures = frozenset(f for f in figures if not re.fullmatch(r"(19|20)\d\d", f))
        places = {place for name in documents for place in _with_most(name, pages[name], figures)}
        if places:
            questions.append(
                RetrievalQuestion(record["question"], frozenset(places), frozenset(documents))
            )
    return RetrievalSet("Docugami", home / "pdfs", tuple(questions))


def mmlongbench(data: Path, work: Path) -> RetrievalSet:
    """Answerable questions over 14 documents of every kind, charts and figures included."""
    home = data / "mmlongbench-doc"
    questions = [
        RetrievalQuestion(
            record["question"],
            frozenset(f"{record['doc_id']}:p{page}" for page in pages),
            frozenset({record["doc_id"]}),
        )
        for record in _lines(home / "questions.jsonl")
        if (pages := ast.literal_eval(record["evidence_pages"]))
    ]
    return RetrievalSet("MMLongBench-Doc", home / "pdfs", tuple(questions))


def hotpotqa(data: Path, work: Path) -> RetrievalSet:
    """100 questions over the 994 paragraphs of all of them; two paragraphs support each."""

    def support(record: dict[str, Any]) -> tuple[list[str], list[str]]:
        supporting = {title for title, _ in record["supporting_facts"]}
        titles = [title for title, _ in record["context"]]
        return [title for title in titles if title in supporting], titles

    return _of_paragraphs("HotpotQA", "hotpotqa", data, work, support)


def musique(data: Path, work: Path) -> RetrievalSet:
    """70 questions over the 1,350 paragraphs of all of them; two to four support each."""

    def support(record: dict[str, Any]) -> tuple[list[str], list[str]]:
        paragraphs = record["paragraphs"]
        every = [paragraph["paragraph_text"] for paragraph in paragraphs]
        return [p["paragraph_text"] for p in paragraphs if p["is_supporting"]], every

    return _of_paragraphs("MuSiQue", "musique", data, work, support)


SETS: dict[str, Callable[[Path, Path], RetrievalSet]] = {
    "financebench": financebench,
    "docugami": docugami,
    "mmlongbench": mmlongbench,
    "hotpotqa": hotpotqa,
    "musique": musique,
}


def _of_paragraphs(
    name: str,
    stem: str,
    data: Path,
    work: Path,
    support: Callable[[dict[str, Any]], tuple[list[str], list[str]]],
) -> RetrievalSet:
    """A corpus of paragraphs as a JSONL file; paragraphs are known by their titles or texts."""
    home, folder = data / "multihop", work / "paragraphs" / stem
    folder.mkdir(parents=True, exist_ok=True)
    corpus = gzip.decompress((home / f"{stem}-corpus.dev.jsonl.gz").read_bytes())
    file = folder / "corpus.jsonl"
    if not file.exists() or file.read_bytes() != corpus:
        file.write_bytes(corpus)
    places: dict[str, list[str]] = {}
    for number, line in enumerate(corpus.decode("utf-8").splitlines(), start=1):
        record = json.loads(line)
        for key in (record["title"], record["text"]):
            places.setdefault(key, []).append(f"corpus.jsonl#{number}")
    questions = []
    for line in gzip.decompress((home / f"{stem}.dev.jsonl.gz").read_bytes()).splitlines():
        record = json.loads(line)
        supporting, every = support(record)
        questions.append(
            RetrievalQuestion(
                record["question"],
                frozenset(place for key in supporting for place in places[key]),
                frozenset(place for key in every for place in places[key]),
            )
        )
    return RetrievalSet(name, folder, tuple(questions))


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    for line in path.read_text("utf-8").splitlines():
        yield json.loads(line)


def _pages(path: Path) -> list[str]:
    with pypdfium2.PdfDocument(path) as document:
        return [page.get_textpage().get_text_bounded() for page in document]


def _with_most(name: str, pages: Sequence[str], figures: frozenset[str]) -> list[str]:
    counts = [sum(figure in _LONG_FIGURE.findall(page) for figure in figures) for page in pages]
    most = max(counts)
    return [f"{name}:p{n}" for n, count in enumerate(counts, start=1) if most and count == most]
