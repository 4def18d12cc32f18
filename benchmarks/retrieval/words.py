"""Are words found in texts of many languages, also as other people type them?

    python -m benchmarks.retrieval.words TEXTS --work FOLDER

TEXTS is a folder with a file for each language, `th.txt`, `ar.txt`, ...: a paragraph a line.
From each, words are drawn by chance (seeded), every distinct word as likely as another; in
scripts without spaces, stretches of 4 to 8 letters. Each is looked for by words alone, and is
found if a paragraph that has it is among the first ten results. "As typed" is the same word
without its marks, with the letters of a plain keyboard, and only words that this changes are
drawn; "over line ends" are stretches of a text in lines of 30 letters that such a line divides.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import regex

from docpager import Archive, ingest
from docpager.testing import HashingEmbedder

QUERIES = 200
FEWEST = 20
MOST_PARAGRAPHS = 1500
LINE = 30
UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u4e00-\u9fff]{4}")
WORD = re.compile(
    "[^\\W\\d_](?:[^\\W\\d_]|[\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u0670\u0900-\u0963\u200c])+"
)
MARKS = re.compile("[\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u0670]")
"""What Latin, Greek, Cyrillic, Hebrew and Arabic are also written without."""
PLAIN = str.maketrans(
    dict(zip("øØłŁđĐıأإآٱىیک", "oOlLdDiاااايي" + "\u0643", strict=True))
    | {"œ": "oe", "æ": "ae", "Œ": "OE", "Æ": "AE", "ß": "ss", "\u0640": "", "\u200c": ""}
)


@dataclass(frozen=True, slots=True)
class Query:
    text: str
    paragraphs: frozenset[int]
    """Those that have it, counted from 1."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("texts", type=Path)
    parser.add_argument("--work", type=Path, required=True, help="archives are made here")
    arguments = parser.parse_args()
    print("| language | queries | number | found by words |\n|---|---|---|---|")
    for file in sorted(arguments.texts.glob("*.txt")):
        lines = [line.strip() for line in file.read_text("utf-8").splitlines() if line.strip()]
        paragraphs = random.Random(1).sample(lines, min(len(lines), MOST_PARAGRAPHS))
        for kind, (stored, queries) in drawn(paragraphs).items():
            if len(queries) < FEWEST:
                continue
            archive = archive_of(stored, arguments.work / f"{file.stem}-{kind.replace(' ', '-')}")
            found = sum(is_found(query, archive) for query in queries)
            share = found / len(queries)
            print(f"| {file.stem} | {kind} | {len(queries)} | {share:.3f} |", flush=True)


def drawn(paragraphs: Sequence[str]) -> dict[str, tuple[list[str], list[Query]]]:
    """By kind of query: the paragraphs as they are stored, and what is looked for in them."""
    chance = random.Random(2)
    if sum(UNSPACED.search(each) is not None for each in paragraphs) * 2 > len(paragraphs):
        wrapped = ["\n".join(_in_lines(each)) for each in paragraphs]
        return {
            "as written": (list(paragraphs), _stretches(paragraphs, chance, divided=False)),
            "over line ends": (wrapped, _stretches(paragraphs, chance, divided=True)),
        }
    return {
        "as written": (list(paragraphs), _words(paragraphs, chance, str)),
        "as typed": (list(paragraphs), _words(paragraphs, chance, as_typed)),
    }


def as_typed(word: str) -> str:
    """The word as it comes from a plain keyboard, or from one of a neighbouring language."""
    plain = unicodedata.normalize("NFKD", word.translate(PLAIN))
    return unicodedata.normalize("NFC", MARKS.sub("", plain))


def _words(
    paragraphs: Sequence[str], chance: random.Random, typed: Callable[[str], str]
) -> list[Query]:
    places: dict[str, set[int]] = {}
    drawn_from: set[str] = set()
    for number, paragraph in enumerate(paragraphs, start=1):
        for word in WORD.findall(paragraph):
            # Who types "muze" means "Může" and "muže" alike.
            places.setdefault(typed(word).casefold(), set()).add(number)
            if len(word) > 2 and (typed is str or typed(word) != word):
                drawn_from.add(typed(word))
    chosen = chance.sample(sorted(drawn_from), min(QUERIES, len(drawn_from)))
    return [Query(word, frozenset(places[word.casefold()])) for word in chosen]


def _stretches(paragraphs: Sequence[str], chance: random.Random, *, divided: bool) -> list[Query]:
    queries: list[Query] = []
    for _ in range(QUERIES * 50):
        paragraph = chance.choice(paragraphs)
        letters = regex.findall(r"\X", paragraph)
        if divided and len(letters) <= LINE:
            continue
        border = LINE * chance.randint(1, (len(letters) - 1) // LINE) if divided else 0
        length = chance.randint(4, 8)
        start = (
            border - chance.randint(1, length - 1) if divided else chance.randrange(len(letters))
        )
        wanted = "".join(letters[start : start + length])
        inside = all(UNSPACED.match(letter[0] * 4) for letter in letters[start : start + length])
        if inside and len(letters) >= start + length:
            having = frozenset(n for n, each in enumerate(paragraphs, start=1) if wanted in each)
            queries.append(Query(wanted, having))
        if len(queries) == QUERIES:
            break
    return queries


def _in_lines(paragraph: str) -> list[str]:
    letters = regex.findall(r"\X", paragraph)
    return ["".join(letters[n : n + LINE]) for n in range(0, len(letters), LINE)]


def archive_of(paragraphs: Sequence[str], home: Path) -> Archive:
    """An archive in which paragraph n is document n."""
    (home / "files").mkdir(parents=True, exist_ok=True)
    rows = (json.dumps({"text": each}, ensure_ascii=False) + "\n" for each in paragraphs)
    (home / "files" / "paragraphs.jsonl").write_text("".join(rows), "utf-8")
    ingest([home / "files"], home / "archive", embedder=HashingEmbedder())
    return Archive.open(home / "archive", embedder=HashingEmbedder())


def is_found(query: Query, archive: Archive) -> bool:
    hits = archive.search(query.text, by="words").hits
    paths = (archive.document(hit.passage.document).path for hit in hits)
    return any(int(path.rpartition("#")[2]) in query.paragraphs for path in paths)


if __name__ == "__main__":
    main()
