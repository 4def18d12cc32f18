"""Questions with known evidence pages: does a run cite them, and is that better than one shot?

    python benchmarks/evidence_pages/measure.py questions.jsonl pdfs/ --window 8000

`questions.jsonl` has `question` and either `evidence` as `[{"document", "pdf_page"}]` (pages from
1) or the FinanceBench fields `doc_name` and `evidence` as `[{"evidence_page_num"}]` (pages from 0).
Every citation is checked once more against the PDF itself, without docpager's reading or archive.
Abstentions and failures count as misses.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pypdfium2

from docpager import Archive, PagingSettings, RunLimits, ingest
from docpager.core.locators import parse_locator
from docpager.core.passages import Passage
from docpager.core.places import Place
from docpager.core.tokens import BuiltInEstimator
from docpager.models.extractive import ExtractiveModel
from docpager.models.messages import ModelRequest, UserTurn
from docpager.paging.rebuild import Head
from docpager.run.answer_line import Citation
from docpager.run.functions import parse_plain_answer
from docpager.run.plan import plan_run
from docpager.run.quotes import find_quote
from docpager.run.service import AskSettings, ask_archive
from docpager.run.state import Run

MOST_CITATIONS = 3


@dataclass(frozen=True)
class EvidenceQuestion:
    text: str
    evidence: frozenset[tuple[str, int]]
    """(document path, pdf_page counted from 1)."""
    figures: tuple[str, ...]
    """Numbers of the gold answer with at least three digits, without separators."""


def main() -> None:
    arguments = _arguments()
    questions = list(_questions(arguments.questions))[: arguments.limit]
    report = ingest([arguments.pdfs], arguments.archive)
    print(f"{report.documents} documents, {report.passages} passages, {report.pdf_pages} pdf pages")
    archive = Archive.open(arguments.archive)
    rows = [asyncio.run(_measure(question, archive, arguments)) for question in questions]
    _print_summary(rows, arguments)
    if arguments.out:
        lines = (json.dumps(row, ensure_ascii=False) for row in rows)
        arguments.out.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("questions", type=Path)
    parser.add_argument("pdfs", type=Path)
    parser.add_argument("--archive", type=Path, default=Path(".docpager-evidence"))
    parser.add_argument("--window", type=int, default=8000)
    parser.add_argument("--max-steps", type=int, default=40)
    parser.add_argument("--limit", type=int, help="only the first so many questions")
    parser.add_argument("--given-document", action="store_true", help="ask only the right document")
    parser.add_argument("--out", type=Path, help="one JSON line a question")
    return parser.parse_args()


def _questions(path: Path) -> Iterator[EvidenceQuestion]:
    for line in path.read_text("utf-8").splitlines():
        record = json.loads(line)
        yield EvidenceQuestion(record["question"], _evidence(record), _figures(record))


def _evidence(record: dict[str, Any]) -> frozenset[tuple[str, int]]:
    return frozenset(
        (each["document"], each["pdf_page"])
        if "pdf_page" in each
        else (f"{each.get('doc_name', record.get('doc_name'))}.pdf", each["evidence_page_num"] + 1)
        for each in record["evidence"]
    )


def _figures(record: dict[str, Any]) -> tuple[str, ...]:
    gold = record.get("answers", [record.get("answer", "")])
    numbers = re.findall(r"\d[\d,]*", " ".join(map(str, gold)).replace(".00", ""))
    return tuple(n for n in (each.replace(",", "") for each in numbers) if len(n) > 2)


async def _measure(
    question: EvidenceQuestion, archive: Archive, arguments: argparse.Namespace
) -> dict[str, Any]:
    model = ExtractiveModel()
    scope = None
    if arguments.given_document:
        scope = [
            e.id for e in archive.documents() if any(e.path == d for d, _ in question.evidence)
        ]
    settings = AskSettings(
        paging=PagingSettings(window=arguments.window),
        limits=RunLimits(max_steps=arguments.max_steps),
    )
    began = time.perf_counter()
    line = await ask_archive(question.text, archive, model, settings=settings, scope=scope)
    seconds = time.perf_counter() - began
    paged = line.citations[:MOST_CITATIONS]
    window = await one_shot(question.text, archive, model, arguments.window, scope)
    equal = await one_shot(question.text, archive, model, line.usage.prompt_tokens, scope)
    everything = line.citations
    standing = [_stands(arguments.pdfs, each) for each in everything]
    return {
        "question": question.text,
        "status": line.status,
        "answer": line.answer,
        "cited": [(c.place.document, c.place.page, c.quote) for c in paged],
        "evidence": sorted(question.evidence),
        "hit": _hits(question, paged),
        "document_hit": any(c.place.document in {d for d, _ in question.evidence} for c in paged),
        "figure_in_quote": _figure_in_quote(question, paged),
        "one_shot_window_hit": _hits(question, window),
        "one_shot_equal_hit": _hits(question, equal),
        "citations": len(line.citations),
        "standing": sum(standing),
        "checked": len(standing),
        "matches": [c.match for c in line.citations],
        "steps": line.steps,
        "seconds": round(seconds, 3),
        "input_tokens": line.usage.prompt_tokens,
        **{k: line.paging[k] for k in ("faults", "refaults", "rebuilds", "peak_worst_case")},
        "journal": line.journal,
    }


async def one_shot(
    question: str, archive: Archive, model: ExtractiveModel, tokens: int, scope: Any
) -> list[Citation]:
    """The same reader, once, over the best passages that fit `tokens`: no functions."""
    passages = best_passages(question, archive, tokens, scope)
    request = _answer_request(question, archive, passages, max(tokens, 4000))
    reply = await model.complete(request)
    parsed = parse_plain_answer(reply.text)
    if not parsed["found"]:
        return []
    return _located(parsed["citations"], archive)[:MOST_CITATIONS]


def best_passages(question: str, archive: Archive, tokens: int, scope: Any) -> list[Passage]:
    counter, used, page = BuiltInEstimator(), 2000, 1
    chosen: list[Passage] = []
    while True:
        found = archive.search(question, documents=scope, page=page, page_size=50)
        for hit in found.hits:
            (passage,) = archive.load(parse_locator(str(hit.passage)))
            used += counter.count(passage.text) + 16
            if used > tokens:
                return chosen
            chosen.append(passage)
        if page >= found.pages:
            return chosen
        page += 1


def _answer_request(
    question: str, archive: Archive, passages: Sequence[Passage], tokens: int
) -> ModelRequest:
    paging = PagingSettings(window=max(tokens, 8000))
    plan = plan_run(question, archive.documents(), counter=BuiltInEstimator(), paging=paging)
    request = Run(plan, BuiltInEstimator()).next_request()
    head = Head(plan.document_map, question, pages=tuple(passages)).render()
    return ModelRequest(
        request.instructions,
        request.functions,
        (UserTurn(head),),
        request.max_output_tokens,
        calls_allowed=False,
    )


def _located(citations: Sequence[dict[str, str]], archive: Archive) -> list[Citation]:
    located = []
    for each in citations:
        passages = archive.load(parse_locator(each["locator"]))
        found = find_quote(each["quote"], passages)
        if found is not None:
            at = passages[0].start + found.start
            passage = next(p for p in passages if p.start <= at < p.end)
            path = archive.document(passage.document).path
            page = passage.pdf_page_at(at - passage.start)
            located.append(Citation(Place(path, page), each["quote"], passages=(str(passage.id),)))
    return located


def _hits(question: EvidenceQuestion, cited: Sequence[Citation]) -> bool:
    return any((c.place.document, c.place.page) in question.evidence for c in cited)


def _figure_in_quote(question: EvidenceQuestion, cited: Sequence[Citation]) -> bool | None:
    """Whether a gold figure stands in a quote; None where the gold answer has no figure."""
    if not question.figures:
        return None
    quoted = " ".join(c.quote for c in cited).replace(",", "")
    return any(figure in quoted for figure in question.figures)


def _stands(folder: Path, cited: Citation) -> bool:
    """Whether the quote stands on that page of the PDF, read here and now; it may run on."""
    if cited.place.page is None:
        return False
    text = _page_text(folder / cited.place.document, cited.place.page)
    following = _page_text(folder / cited.place.document, cited.place.page + 1)
    quote = _bare(cited.quote)
    at = (text + following).find(quote)
    return 0 <= at < len(text)


@cache
def _page_text(path: Path, pdf_page: int) -> str:
    with pypdfium2.PdfDocument(path) as document:
        if pdf_page > len(document):
            return ""
        return _bare(document[pdf_page - 1].get_textpage().get_text_bounded())


def _bare(text: str) -> str:
    """Letters and digits only: readers differ in spaces, hyphens and marks, not in these."""
    return re.sub(r"[\W_]+", "", text).lower()


def _print_summary(rows: Sequence[dict[str, Any]], arguments: argparse.Namespace) -> None:
    n = len(rows)
    figures = [row["figure_in_quote"] for row in rows if row["figure_in_quote"] is not None]
    statuses = {s: sum(row["status"] == s for row in rows) for s in ("answered", "abstained")}
    print(f"window {arguments.window}, {n} questions, reader extractive (not a language model)")
    print(f"evidence page cited       {sum(r['hit'] for r in rows)} of {n}")
    print(f"  one shot, same window   {sum(r['one_shot_window_hit'] for r in rows)} of {n}")
    print(f"  one shot, equal tokens  {sum(r['one_shot_equal_hit'] for r in rows)} of {n}")
    print(f"right document cited      {sum(r['document_hit'] for r in rows)} of {n}")
    print(f"gold figure in a quote    {sum(figures)} of {len(figures)} with a figure")
    print(f"answered, abstained       {statuses['answered']}, {statuses['abstained']}")
    checked = sum(r["checked"] for r in rows)
    print(f"citations on their page   {sum(r['standing'] for r in rows)} of {checked}")
    print(f"largest worst case        {max(r['peak_worst_case'] for r in rows)}")
    for key in ("steps", "input_tokens", "faults", "refaults", "rebuilds", "seconds"):
        values = [row[key] for row in rows]
        print(f"{key:<25} median {statistics.median(values):g}, largest {max(values):g}")


if __name__ == "__main__":
    main()
