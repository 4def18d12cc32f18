"""Reports of a long run and of a large batch: what they take to make and to load.

    python -m benchmarks.performance.reports FOLDER [--steps 200] [--questions 5000] [--pictures N]

The runs are made in FOLDER by a scripted model over PDFs of this program's own (reportlab).
`--pictures N` draws plots and cited pages for the first N runs only, 0 for none. Chromium, driven
by selenium (`apt-get install chromium chromium-driver`, `pip install selenium`), then opens each
page from disk, with the network off: seconds until it is laid out, bytes of the file, and memory of
the page's scripts and of its process. What FOLDER holds already is not made again.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import resource
import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import docpager
from docpager.models.messages import AssistantTurn, ChatModel, ModelReply, ModelRequest, UserTurn
from docpager.models.scripted import call, reply
from docpager.report.reports import write_reports

WORDS = ("harbour", "crane", "ledger", "tide", "mooring", "captain", "barge", "quay", "signal")
FILES = 40
LINES = 400
LINES_A_PAGE = 50
_ITEM = re.compile(r"item (\d+) of (\d+)")


class Clerk(ChatModel):
    """Searches, reads up to six passages, and answers from the last; one in 17 it does not find,
    one in 23 breaks off."""

    name = "clerk"

    async def complete(self, request: ModelRequest) -> ModelReply:
        said = sum(isinstance(turn, AssistantTurn) for turn in request.turns)
        head = request.turns[0]
        assert isinstance(head, UserTurn)
        item, file = map(int, _ITEM.findall(head.text)[0])
        if item % 23 == 0 and said:
            raise docpager.UsageError(f"the server is gone after {item} requests")
        return replace(
            reply(_move(request, said, item, file)),
            cost_usd=0.0001 * (1 + said),
            elapsed_seconds=0.5 + 0.3 * said,
        )


def _move(request: ModelRequest, said: int, item: int, file: int) -> Any:
    if said == 0:
        return call("search", query=f"{item} of {file} lay")
    if said < 2 + item % 6:
        return call("page_in", locator=_locator(item, file, said))
    if item % 17 == 0:
        return call("answer", text="It does not say.", citations=[], found=False)
    lines = [
        line
        for turn in request.turns[1:]
        if isinstance(turn, UserTurn)
        for result in turn.results
        for line in result.text.splitlines()
        if " lay by " in line
    ]
    cited = {"locator": _locator(item, file, said - 1), "quote": lines[-1] if lines else "nothing"}
    return call("answer", text=f"Item {item} lay by the quay.", citations=[cited], found=True)


def _locator(item: int, file: int, said: int) -> str:
    return f"D{1 + (file + said) % FILES}:c{1 + (item + said) % 20}"


def main() -> None:
    arguments = _arguments()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    os.chdir(arguments.folder)
    _write_documents(Path("documents"))
    journal, answers = _long_run(arguments.steps), _batch(arguments.questions)
    pictures = True if arguments.pictures is None else arguments.pictures
    pages = [
        *_reported("run", journal, Path("run.html"), pictures),
        *_reported("batch", answers, Path("batch-report"), pictures),
    ]
    print("| page | bytes | seconds to load | scripts' memory | process' memory | sorted in |")
    print("|---|---:|---:|---:|---:|---:|")
    for name, page in pages:
        print(f"| {name} | {page.stat().st_size:,} | {' | '.join(_loaded(page))} |")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--questions", type=int, default=5000)
    parser.add_argument("--pictures", type=int)
    return parser.parse_args()


def _write_documents(folder: Path) -> None:
    from reportlab.lib.pagesizes import A4
    from reportlab.pdfgen.canvas import Canvas

    folder.mkdir(exist_ok=True)
    chance = random.Random(1)
    for file in range(FILES):
        lines = [
            f"{chance.choice(WORDS)} {n} of {file} lay by the {chance.choice(WORDS)} and was "
            f"painted {chance.choice(WORDS)}."
            for n in range(LINES)
        ]
        canvas = Canvas(str(folder / f"file-{file}.pdf"), pagesize=A4, invariant=True)
        for first in range(0, LINES, LINES_A_PAGE):
            for n, line in enumerate(lines[first : first + LINES_A_PAGE]):
                canvas.drawString(60, 790 - 14 * n, line)
            canvas.showPage()
        canvas.save()


def _long_run(steps: int) -> Path:
    """The journal of a run of that many steps in a window of 8,000 tokens."""
    journal = Path("long-run.jsonl")
    if not journal.exists():
        from docpager.models.scripted import ScriptedModel

        docpager.ask(
            "Where did the crane stand?",
            "documents",
            model=ScriptedModel(*_script(steps)),
            paging=docpager.PagingSettings(window=8000),
            limits=docpager.RunLimits(max_steps=steps),
            journal=journal,
        )
    return journal


def _script(steps: int) -> Iterator[ModelReply]:
    for n in range(steps - 1):
        first = n % 17 + 1
        match n % 5:
            case 0:
                yield reply(f"I look for the {n}th time.", call("search", query=f"crane {n}"))
            case 3:
                yield reply(
                    call("write_note", text=f"finding {n}: a crane by the quay", sources=["D1:c1"]),
                    call("page_out", locators=[f"D{1 + (n - 1) % FILES}:c{(n - 1) % 17 + 1}"]),
                )
            case _:
                yield reply(call("page_in", locator=f"D{1 + n % FILES}:c{first}-{first + 2}"))
    yield reply(call("answer", text="It does not say.", citations=[], found=False))


def _batch(questions: int) -> Path:
    answers = Path(f"answers-{questions}.jsonl")
    asked = [
        {"id": f"q{n}", "question": f"Where did item {n} of {n % FILES} lie, and who painted it?"}
        for n in range(questions)
    ]
    if not answers.exists():
        docpager.ask_many(asked, "documents", output=answers, model=Clerk())
    return answers


def _reported(name: str, path: Path, target: Path, pictures: bool | int) -> list[tuple[str, Path]]:
    """Write a report, print what it took, and return its pages to look at."""
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    (page,) = write_reports([path], target, pictures=pictures)
    after = resource.getrusage(resource.RUSAGE_SELF)
    reader = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    drawing = reader.ru_utime + reader.ru_stime - children.ru_utime - children.ru_stime
    print(
        f"report of the {name}: {time.perf_counter() - began:.1f} s, {cpu:.1f} core-seconds "
        f"and {drawing:.1f} of the process that draws pages, "
        f"largest process so far {after.ru_maxrss / 1024:,.0f} MB\n"
    )
    return [(name if target.suffix else f"index of the {name}", page)]


def _loaded(page: Path) -> list[str]:
    """Figures of a page in a browser that is started for it."""
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for argument in ("--headless=new", "--no-sandbox", "--enable-precise-memory-info"):
        options.add_argument(argument)
    service = webdriver.ChromeService(shutil.which("chromedriver"))
    with webdriver.Chrome(options=options, service=service) as browser:
        browser.execute_cdp_cmd("Network.enable", {})
        offline = {"offline": True, "latency": 0, "downloadThroughput": 0, "uploadThroughput": 0}
        browser.execute_cdp_cmd("Network.emulateNetworkConditions", offline)
        browser.get("about:blank")
        driver = service.process.pid
        empty = _resident(driver)
        began = time.perf_counter()
        browser.get(page.absolute().as_uri())
        browser.execute_script("return document.body.offsetHeight")
        seconds = time.perf_counter() - began
        heap = browser.execute_script("return performance.memory.usedJSHeapSize")
        resident = _resident(driver)
        sorting = browser.execute_script(
            "const heads = document.querySelectorAll('#table thead button');"
            "if (!heads.length) return null;"
            "const began = performance.now(); heads[7].click(); document.body.offsetHeight;"
            "return (performance.now() - began) / 1000;"
        )
    shown = "" if sorting is None else f"{sorting:.2f} s"
    return [
        f"{seconds:.2f}",
        f"{heap / 1e6:.1f} MB",
        f"{resident / 1e6:.0f} MB ({(resident - empty) / 1e6:+.0f})",
        shown,
    ]


def _resident(driver: int) -> int:
    """Bytes of the largest process that shows a page for the driver with this number."""
    sizes = [0]
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes()
            if b"--type=renderer" in command and driver in _ancestors(process):
                anonymous = re.findall(r"RssAnon:\s+(\d+) kB", (process / "status").read_text())
                sizes.append(1024 * int(anonymous[0]))
        except OSError:
            continue  # it has ended meanwhile
    return max(sizes)


def _ancestors(process: Path) -> Iterator[int]:
    while process.name != "0":
        parent = re.findall(r"PPid:\s+(\d+)", (process / "status").read_text())[0]
        yield int(parent)
        process = process.with_name(parent)


if __name__ == "__main__":
    main()
