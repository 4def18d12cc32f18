"""Does search find the page, or the paragraph, that holds the evidence?

    pip install 'docpager[bench]'
    python -m benchmarks.retrieval.measure DATA --work FOLDER --out results.json

By words only, by meaning only, and fused, for each embedder given; over all documents of a set,
and among the right ones only. ir-measures computes the metrics; intervals are 95 % percentile
bootstraps over questions, and differences are paired.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import ir_measures
import numpy as np
from ir_measures import RR, Qrel, ScoredDoc, Success

from benchmarks.retrieval.question_sets import SETS, RetrievalQuestion, RetrievalSet
from docpager import Archive, ingest
from docpager.archive.embedders.base import Embedder, load_embedder
from docpager.core.passages import PassageRange

MEASURES = {"hit@1": Success @ 1, "hit@5": Success @ 5, "hit@10": Success @ 10}
MEASURES |= {"hit@20": Success @ 20, "MRR": RR}
DEPTH = 100
"""Passages of a result list that are looked at."""
SAMPLES = 5000
PARTS = ("title", "section", "text")


class Stripped:
    """An embedder that sees of a passage's title, section path and text only some."""

    def __init__(self, inner: Embedder, seen: str) -> None:
        self.name = f"{inner.name} on {seen}"
        self.dimension = inner.dimension
        self._inner = inner
        self._seen = seen

    def embed_passages(self, texts: Sequence[str]) -> Any:
        parts = [text.split("\n", 2) for text in texts]
        kept = [
            [part for part, name in zip(each, PARTS, strict=True) if name in self._seen]
            for each in parts
        ]
        return self._inner.embed_passages(["\n".join(each) for each in kept])

    def embed_query(self, text: str) -> Any:
        return self._inner.embed_query(text)


def main() -> None:
    arguments = _arguments()
    rows: list[dict[str, Any]] = []
    for name in arguments.sets:
        chosen = SETS[name](arguments.data, arguments.work)
        for n, embedder in enumerate(_embedders(arguments)):
            archive = _archive(chosen, embedder, arguments.work / name / f"archive-{n}")
            rows += _measured(chosen, archive, embedder.name, words=n == 0)
        if arguments.out:
            arguments.out.write_text(json.dumps(rows, indent=1), encoding="utf-8")
    print(table(rows))
    print(differences(rows))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="holds financebench/, docugami-sec-10q/, ...")
    parser.add_argument("--work", type=Path, required=True, help="archives are made here")
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS))
    parser.add_argument("--embedders", nargs="+", default=["wordllama"], metavar="NAME")
    parser.add_argument(
        "--seen",
        nargs="+",
        default=["title section text"],
        metavar="PARTS",
        help="what of a passage is embedded: 'title section text', 'title text', 'text', ...",
    )
    parser.add_argument("--out", type=Path, help="the figures of every question, as JSON")
    return parser.parse_args()


def _embedders(arguments: argparse.Namespace) -> Iterator[Embedder]:
    for name in arguments.embedders:
        for seen in arguments.seen:
            yield Stripped(load_embedder(name), seen)


def _archive(chosen: RetrievalSet, embedder: Embedder, directory: Path) -> Archive:
    report = ingest([chosen.folder], directory, embedder=embedder)
    print(f"{chosen.name}: {report.documents} documents, {report.passages} passages", flush=True)
    return Archive.open(directory, embedder=embedder)


def _measured(
    chosen: RetrievalSet, archive: Archive, embedder: str, *, words: bool
) -> Iterator[dict[str, Any]]:
    ids = {entry.path: entry.id for entry in archive.documents()}
    systems = [("words", ""), ("meaning", embedder), ("both", embedder)][0 if words else 1 :]
    for given in (False, True):
        for by, name in systems:
            ranked = [_places(q, archive, by, ids if given else None) for q in chosen.questions]
            yield {
                "set": chosen.name,
                "given": given,
                "by": by,
                "embedder": name,
                "questions": len(ranked),
                **_scores(chosen.questions, ranked),
            }


def _places(
    question: RetrievalQuestion, archive: Archive, by: str, ids: dict[str, int] | None
) -> list[str]:
    """Distinct pages, or paragraphs, in the order of the hits; every page of a hit counts."""
    documents = None if ids is None else sorted(ids[path] for path in question.documents)
    found = archive.search(question.text, documents=documents, page_size=DEPTH, by=by)
    places: dict[str, None] = {}
    for hit in found.hits:
        path = archive.document(hit.passage.document).path
        number = hit.passage.ordinal
        (passage,) = archive.load_range(PassageRange(hit.passage.document, number, number))
        pages = passage.pdf_pages
        numbers = range(pages[0], pages[1] + 1) if pages else ()
        places.update(dict.fromkeys([f"{path}:p{page}" for page in numbers] or [path]))
    return list(places)


def _scores(
    questions: Sequence[RetrievalQuestion], ranked: Sequence[Sequence[str]]
) -> dict[str, Any]:
    """By measure: one value a question."""
    qrels = [Qrel(str(n), place, 1) for n, q in enumerate(questions) for place in q.places]
    run = [
        ScoredDoc(str(n), place, float(-rank))
        for n, places in enumerate(ranked)
        for rank, place in enumerate(places)
    ]
    values = {name: [0.0] * len(questions) for name in MEASURES}
    names = {str(measure): name for name, measure in MEASURES.items()}
    for metric in ir_measures.iter_calc(list(MEASURES.values()), qrels, run):
        values[names[str(metric.measure)]][int(metric.query_id)] = metric.value
    return values


def interval(values: Sequence[float]) -> tuple[float, float]:
    """The 95 % percentile bootstrap interval of the mean, seeded."""
    sample = np.random.default_rng(1).integers(0, len(values), (SAMPLES, len(values)))
    low, high = np.percentile(np.array(values)[sample].mean(axis=1), [2.5, 97.5])
    return float(low), float(high)


def table(rows: Sequence[dict[str, Any]]) -> str:
    lines = [
        "| set | documents | search by | " + " | ".join(MEASURES) + " |",
        "|---|---|---|" + "---|" * len(MEASURES),
    ]
    for row in rows:
        cells = [_cell(row[name]) for name in MEASURES]
        scope = "the right ones" if row["given"] else "all"
        lines.append(
            f"| {row['set']} ({row['questions']}) | {scope} | {_system(row)} | "
            + " | ".join(cells)
            + " |"
        )
    return "\n".join(lines)


def _cell(values: Sequence[float]) -> str:
    low, high = interval(values)
    return f"{np.mean(values):.3f} ({low:.2f}-{high:.2f})"


def _system(row: dict[str, Any]) -> str:
    return "words" if row["by"] == "words" else f"{row['by']}, {row['embedder']}"


def differences(rows: Sequence[dict[str, Any]]) -> str:
    """Fused against words alone and against meaning alone, question by question."""
    lines = [
        "| set | documents | fused with | against | hit@10 | MRR |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        if row["by"] != "both":
            continue
        same = [r for r in rows if (r["set"], r["given"]) == (row["set"], row["given"])]
        for other in same:
            if other["by"] == "both" or other["embedder"] not in ("", row["embedder"]):
                continue
            scope = "the right ones" if row["given"] else "all"
            cells = [_difference(row[name], other[name]) for name in ("hit@10", "MRR")]
            lines.append(
                f"| {row['set']} | {scope} | {row['embedder']} | {other['by']} | "
                + " | ".join(cells)
                + " |"
            )
    return "\n".join(lines)


def _difference(ours: Sequence[float], others: Sequence[float]) -> str:
    paired = [a - b for a, b in zip(ours, others, strict=True)]
    low, high = interval(paired)
    mark = " **below**" if high < 0 else ""
    return f"{np.mean(paired):+.3f} ({low:+.2f} to {high:+.2f}){mark}"


if __name__ == "__main__":
    main()
