"""Asks a local language model in several ways, and says how that went.

    python -m benchmarks.local_models ask tuning docpager+small --base-url URL --model NAME
    python -m benchmarks.local_models score tuning

`ask` goes on where it was interrupted: what has a line in `replies/` is not asked again.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from contextlib import ExitStack
from pathlib import Path

from benchmarks.local_models.questions import HALVES, NESTED, DrawnQuestion, documents_of, draw
from benchmarks.local_models.recording import RecordingModel
from benchmarks.local_models.scores import print_scores
from benchmarks.local_models.systems import AskedWhere, Contestant, contestant_named
from docpager import Archive, ingest
from docpager.models.registry import model_named

REPLIES = Path(__file__).parent / "replies"


def ask(half: str, contestant: Contestant, options: argparse.Namespace) -> None:
    """Ask what has no line yet, and write each down as it is answered."""
    path = REPLIES / f"{options.model}-{half}-{contestant.name}.jsonl"
    done = {json.loads(line)["question"] for line in _lines(path)}
    left = [question for question in draw(half) if question.id not in done][: options.most]
    with ExitStack() as stack:
        names = {question.document_set for question in left}
        archives = {name: _archive(name, options.work) for name in sorted(names)}
        for archive in archives.values():
            stack.callback(archive.close)
        for question in left:
            asyncio.run(_ask_one(question, contestant, archives, options, path))


async def _ask_one(
    question: DrawnQuestion,
    contestant: Contestant,
    archives: dict[str, Archive],
    options: argparse.Namespace,
    path: Path,
) -> None:
    model = RecordingModel(model_named(options.model, base_url=options.base_url).model)
    journals = options.work / "journals"
    journals.mkdir(parents=True, exist_ok=True)
    name = question.document_set
    documents = documents_of(name, options.work)
    place = AskedWhere(archives[name], documents, model, options.base_url, options.work, journals)
    answered = await contestant.answer(question, place)
    await model.close()
    if answered.line.get("resumable"):
        print(f"{question.id}: {answered.line['error']}; ask again", flush=True)
        return
    kept = {
        name: value
        for name, value in answered.line.items()
        if name not in ("journal", "coverage", "model", "cost_usd", "lost")
    }
    written = {"question": question.id, "line": kept, **answered.recording.as_json()}
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(written, ensure_ascii=False) + "\n")
    said = str(kept.get("answer") or kept.get("error"))[:160]
    took = f"{kept['steps']} steps, {kept['seconds']:.0f} s"
    print(f"{contestant.name} {question.id}: {took}, {kept['status']}: {said!r}", flush=True)


def _archive(name: str, work: Path) -> Archive:
    folder = work / name
    ingest([documents_of(name, work)], folder, text_field="text")
    return Archive.open(folder)


def _lines(path: Path) -> list[str]:
    return path.read_text("utf-8").splitlines() if path.exists() else []


def main() -> None:
    """Ask, or score what was asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    asking = commands.add_parser("ask")
    asking.add_argument("half", choices=[*HALVES, NESTED])
    asking.add_argument("contestants", nargs="+")
    asking.add_argument("--base-url", default="http://127.0.0.1:8091")
    asking.add_argument("--model", default="qwen2.5-coder-1.5b")
    asking.add_argument("--work", type=Path, required=True, help="folder for archives and journals")
    asking.add_argument("--earlier", type=Path, help="the `docpager` of an earlier checkout")
    asking.add_argument("--most", type=int, help="questions that are asked now at most")
    scoring = commands.add_parser("score")
    scoring.add_argument("half", choices=[*HALVES, NESTED])
    scoring.add_argument("--show", action="store_true", help="one line for every question")
    options = parser.parse_args()
    if options.command == "score":
        print_scores(options.half, REPLIES, show=options.show)
        return
    for name in options.contestants:
        ask(options.half, contestant_named(name, earlier=options.earlier), options)


if __name__ == "__main__":
    main()
