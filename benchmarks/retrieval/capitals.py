"""Does meaning find clauses that contracts print in capitals?

    python -m benchmarks.retrieval.capitals legal_contract_qa.jsonl.gz

The file has a contract a line, under `input` (the task of that name in L-Eval). Every row of 15 or
more words in capitals is looked for by its first 14 in small letters, among pieces of 1,200
characters of its contract, nearest first.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
from pathlib import Path

import numpy as np

from docpager.archive.embedders.base import load_embedder

PIECE = 1200
CLAUSE = re.compile(r"\b[A-Z]{2,}(?:[ \n,;:()/'&-]+[A-Z]+){14,}")
ASKED_WORDS = 14


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("contracts", type=Path)
    parser.add_argument("--embedder", default="wordllama")
    arguments = parser.parse_args()
    embedder = load_embedder(arguments.embedder)
    ranks: list[int] = []
    for line in gzip.decompress(arguments.contracts.read_bytes()).decode().splitlines():
        text = json.loads(line)["input"]
        pieces = [text[n : n + PIECE] for n in range(0, len(text), PIECE)]
        vectors = embedder.embed_passages(pieces)
        for number, piece in enumerate(pieces):
            for clause in CLAUSE.findall(piece):
                asked = " ".join(clause.split()[:ASKED_WORDS]).lower().capitalize()
                similar = vectors @ embedder.embed_query(asked)
                ranks.append(int((similar > similar[number]).sum()) + 1)
    first_ten = sum(rank <= 10 for rank in ranks)
    reciprocal = float(np.mean([1 / rank for rank in ranks]))
    print(f"{len(ranks)} clauses, {first_ten} among the ten nearest, MRR {reciprocal:.3f}")


if __name__ == "__main__":
    main()
