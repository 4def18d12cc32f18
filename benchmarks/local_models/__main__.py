"""Asks a local language model in several ways, and says how that went.

    python -m benchmarks.local_models ask tuning docpager+small --base-url URL --model NAME
    python -m benchmarks.local_models score tuning

`ask` goes on where it was interrupted: what has a line in `replies/` is not asked again.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks.local_models.questions import HALVES, NESTED, DrawnQuestion, documents_of, draw
from benchmarks.local_models.recording import Recording, RecordingModel, RepeatingModel
from benchmarks.local_models.scores import print_scores
from benchmarks.local_models.systems import (
    AskedWhere,
    Contestant,
    OneLook,
    StructuredModel,
    contestant_named,
    file_name_of,
    named_in,
)
from docpager import Archive, ingest
from docpager.models.messages import ChatModel
from docpager.models.registry import model_named

REPLIES = Path(__file__).parent / "replies"


def ask(half: str, contestant: Contestant, options: argparse.Namespace) -> None:
    """Ask what has no line yet, and write each down as it is answered."""
    path = REPLIES / f"{options.model}-{half}-{file_name_of(contestant.name)}.jsonl"
    done = {json.loads(line)["question"] for line in _lines(path)}
    left = [question for question in draw(half) if question.id not in done][: options.most]
    with ExitStack() as stack:
        names = {question.document_set for question in left}
        archives = {name: _archive(name, options.work) for name in sorted(names)}
        for archive in archives.values():
            stack.callback(archive.close)
        # One for all, as in a batch: measuring how its server counts would empty the cache of what
        # the questions' prompts begin with.
        structured = isinstance(contestant, OneLook) and contestant.structured
        server: ChatModel = (
            StructuredModel(options.model, base_url=options.base_url)
            if structured
            else model_named(options.model, base_url=options.base_url).model
        )
        for question in left:
            asyncio.run(_ask_one(question, contestant, archives, options, path, server))


async def _ask_one(
    question: DrawnQuestion,
    contestant: Contestant,
    archives: dict[str, Archive],
    options: argparse.Namespace,
    path: Path,
    server: ChatModel,
) -> None:
    model = RecordingModel(server)
    place = _place(question, archives, model, options)
    answered = await contestant.answer(question, place)
    await model.close()
    if answered.line.get("resumable"):
        print(f"{question.id}: {answered.line['error']}; ask again", flush=True)
        return
    kept = _kept(answered.line)
    written = {"question": question.id, "line": kept, **answered.recording.as_json()}
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(written, ensure_ascii=False) + "\n")
    said = str(kept.get("answer") or kept.get("error"))[:160]
    took = f"{kept['steps']} steps, {kept['seconds']:.0f} s"
    print(f"{contestant.name} {question.id}: {took}, {kept['status']}: {said!r}", flush=True)


def reread(half: str, options: argparse.Namespace) -> None:
    """Make every line of today's docpager and of one look anew from its recorded replies.

    For changes to how replies are read: what is asked must be the same. A run that would now go on
    beyond its replies loses its line, and `ask` asks it again.
    """
    questions = {question.id: question for question in draw(half)}
    for path in sorted(REPLIES.glob(f"*-{half}-*.jsonl")):
        model, _, written = path.stem.partition(f"-{half}-")
        name = named_in(written)
        if name.startswith("earlier"):
            continue
        runs = [json.loads(line) for line in _lines(path)]
        names = {questions[run["question"]].document_set for run in runs}
        archives = {name: _archive(name, options.work) for name in sorted(names)}
        lines = []
        for run in runs:
            question = questions[run["question"]]
            said = Recording.from_json({key: run[key] for key in Recording.__slots__})
            repeating = RecordingModel(RepeatingModel(said, model))
            place = _place(question, archives, repeating, options)
            answered = asyncio.run(contestant_named(name).answer(question, place))
            if not answered.line.get("resumable"):
                line = {**_kept(answered.line), "seconds": run["line"]["seconds"]}
                lines.append({"question": question.id, "line": line,
                              **answered.recording.as_json()})  # fmt: skip
        text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
        path.write_text(text, "utf-8")


def _place(
    question: DrawnQuestion,
    archives: dict[str, Archive],
    model: RecordingModel,
    options: argparse.Namespace,
) -> AskedWhere:
    journals = options.work / "journals"
    journals.mkdir(parents=True, exist_ok=True)
    name = question.document_set
    documents = documents_of(name, options.work)
    return AskedWhere(archives[name], documents, model, options.base_url, options.work, journals)


def _kept(line: Mapping[str, Any]) -> dict[str, Any]:
    """What is kept of an answer line."""
    left_out = ("journal", "coverage", "model", "cost_usd", "lost")
    return {name: value for name, value in line.items() if name not in left_out}


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
    reading = commands.add_parser("reread")
    reading.add_argument("half", choices=[*HALVES, NESTED])
    reading.add_argument("--work", type=Path, required=True, help="folder for archives")
    reading.set_defaults(base_url="")
    scoring = commands.add_parser("score")
    scoring.add_argument("half", choices=[*HALVES, NESTED])
    scoring.add_argument("--show", action="store_true", help="one line for every question")
    options = parser.parse_args()
    if options.command == "reread":
        reread(options.half, options)
        return
    if options.command == "score":
        print_scores(options.half, REPLIES, show=options.show)
        return
    for name in options.contestants:
        ask(options.half, contestant_named(name, earlier=options.earlier), options)


if __name__ == "__main__":
    main()
