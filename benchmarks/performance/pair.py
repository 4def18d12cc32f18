"""Two builds of docpager, each over an archive, asked the same questions in turn.

    python -m benchmarks.performance.pair --old PYTHON ARCHIVE --new PYTHON ARCHIVE \\
        --questions questions.json

PYTHON is the interpreter of an environment in which that build is installed. Each archive is opened
by a process of its own and asked every question once to warm up; then both ask all questions in
turn, `--rounds` times, while the other waits. The archives may be one and the same. Every row also
says for how many questions the first ten hits are the same passages in the same order.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

KINDS = ("all documents", "one document named", "by words alone", "by meaning alone")


def main() -> None:
    arguments = _arguments()
    questions = str(arguments.questions)
    sides = [_Side(*arguments.old, questions), _Side(*arguments.new, questions)]
    print(
        f"{'':<20} {'old p50':>8} {'p99':>7} {'cpu':>7}   {'new p50':>8} {'p99':>7} {'cpu':>7}   "
        f"{'ratio p50':>9} {'p99':>5} {'cpu':>5}   same ten"
    )
    for kind in KINDS:
        for side in sides:
            side.ask(kind)
        turns = [[side.ask(kind) for side in sides] for _ in range(arguments.rounds)]
        old, new = ([pair[side] for pair in turns] for side in (0, 1))
        figures = [_figures(old), _figures(new)]
        ratios = [b / a for a, b in zip(*figures, strict=True)]
        first, second = old[0]["hits"], new[0]["hits"]
        same = sum(a == b for a, b in zip(first, second, strict=True))
        shared = sum(len({*a} & {*b}) / max(1, len(a)) for a, b in zip(first, second, strict=True))
        print(
            f"{kind:<20} {figures[0][0]:8.2f} {figures[0][1]:7.2f} {figures[0][2]:7.2f}   "
            f"{figures[1][0]:8.2f} {figures[1][1]:7.2f} {figures[1][2]:7.2f}   "
            f"{ratios[0]:9.2f} {ratios[1]:5.2f} {ratios[2]:5.2f}   {same} of {len(first)}, "
            f"{shared / len(first):.4f} of their hits",
            flush=True,
        )
    for side in sides:
        side.close()


class _Side:
    """A process that searches one archive with one build, when it is told to."""

    def __init__(self, python: str, archive: str, questions: str) -> None:
        # Without the folder of this file on its path, and the build of this one.
        program = [python, "-P", str(Path(__file__).resolve()), "--searching", archive, questions]
        self._process = subprocess.Popen(
            program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )

    def ask(self, kind: str) -> dict[str, Any]:
        """Ask every question once: milliseconds each, processor time in all, the hits."""
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(f"{kind}\n")
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer

    def close(self) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait()


def _figures(turns: list[dict[str, Any]]) -> tuple[float, float, float]:
    """Median, 99th percentile, and processor time of a search, in milliseconds."""
    times = sorted(time for turn in turns for time in turn["times"])
    processor = sum(turn["processor"] for turn in turns) / len(times)
    return times[len(times) // 2], times[int(len(times) * 0.99)], processor


def _searching(directory: str, questions: Path) -> None:
    """What each process does: a line names a kind of search, a line of JSON answers."""
    from docpager import Archive

    asked = json.loads(questions.read_text("utf-8"))
    archive = Archive.open(directory)
    documents = archive.documents()
    one = [documents[len(documents) // 2].id]
    options: dict[str, dict[str, Any]] = dict(
        zip(KINDS, ({}, {"documents": one}, {"by": "words"}, {"by": "meaning"}), strict=True)
    )
    for line in sys.stdin:
        times, hits = [], []
        begun = time.process_time()
        for question in asked:
            began = time.perf_counter()
            page = archive.search(question, **options[line.strip()])
            times.append((time.perf_counter() - began) * 1000)
            hits.append([str(hit.passage) for hit in page.hits])
        processor = (time.process_time() - begun) * 1000
        print(json.dumps({"times": times, "processor": processor, "hits": hits}), flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for side in ("--old", "--new"):
        parser.add_argument(side, nargs=2, metavar=("PYTHON", "ARCHIVE"), required=True)
    parser.add_argument("--questions", type=Path, required=True, help="a JSON list of strings")
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_args()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--searching"]:
        _searching(sys.argv[2], Path(sys.argv[3]))
    else:
        main()
