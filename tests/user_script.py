"""What a user writes against the public API: typed, without an import from inside."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

import docpager


def ask_all(folder: Path, archive: str, questions: Sequence[str]) -> list[str]:
    report: docpager.IngestReport = docpager.ingest([folder], archive)
    paging = docpager.PagingSettings(window=8_000)
    limits = docpager.RunLimits(max_steps=20)
    line = docpager.ask(questions[0], model="extractive", archive=archive, paging=paging)
    try:
        docpager.ask(
            questions[0],
            archive=archive,
            model="extractive",
            paging=docpager.PagingSettings(window=1_000),
        )
    except docpager.WindowTooSmall as error:
        print("the smallest window is", error.smallest)
    many = docpager.ask_many(questions, model="extractive", archive=archive, limits=limits)
    with docpager.Archive.open(archive) as opened:
        found = opened.search(questions[0]).hits
        texts = [passage.text for passage in opened.load("D1:c1")]
    print(report.new, len(found), texts[0][:40])
    return [line.answer or "", *(each.answer or "" for each in many.lines)]


async def ask_again(archive: str, question: str) -> docpager.AnswerLine:
    line = await docpager.ask_async(question, model="extractive", archive=archive)
    return await docpager.resume_async(line.journal or "", archive=archive)


if __name__ == "__main__":
    place, *asked = sys.argv[2:]
    print("\n".join(ask_all(Path(sys.argv[1]), place, asked)))
    print(asyncio.run(ask_again(place, asked[0])).status)
