"""Broken, encrypted, scanned and odd PDFs in one ingest: each is searchable, or has its reason.

    python -m benchmarks.reliability.nasty_pdfs nasty-pdfs/

The folder holds `pdfs/`, or is one of PDFs; its `manifest.jsonl`, where there is one, says what
other readers saw (`pypdf` and `pymupdf` with `chars`, `password`). The ingest runs as a user would
run it, as a process of its own, and once more with the passwords that the manifest knows. It must
end within the limit, without a traceback; every file must be found by searching for words from
three places of it, or be named with a reason. Where pypdf reads a file too, its longest words are
searched one by one, and at least half of them must find the file (pypdf runs some words together).
Files that have a reason although another reader saw text in them are listed.
"""

from __future__ import annotations

import argparse
import json
import logging
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pypdf

from docpager.archive.archive import Archive
from docpager.core.locators import parse_locator
from docpager.core.passages import Passage

WORDS = 3
"""Words of a file that are searched together."""
PYPDF_WORDS = 10


@dataclass(frozen=True)
class Verdict:
    file: str
    reason: str
    """Empty where the file is searchable."""
    detail: str


def main() -> None:
    arguments = _arguments()
    folder = arguments.folder / "pdfs" if (arguments.folder / "pdfs").is_dir() else arguments.folder
    files = sorted(path.name for path in folder.glob("*.pdf"))
    observed = _observed(arguments.folder / "manifest.jsonl")
    passwords = {file: seen["pypdf"].get("password") for file, seen in observed.items()}
    faults: list[str] = []
    with tempfile.TemporaryDirectory() as home:
        archive = Path(home, "archive")
        for given in ({}, {file: word for file, word in passwords.items() if word}):
            Path(home, "passwords.json").write_text(json.dumps(given))
            report, stderr, seconds = _ingest(folder, archive, arguments)
            verdicts = _verdicts(files, report, Archive.open(archive), folder, passwords)
            print(f"\n## With {len(given)} passwords\n")
            _print(verdicts, seconds)
            _print_lost(verdicts, observed)
            faults += _faults(verdicts, report, stderr, seconds, arguments.limit)
    for fault in faults:
        print(f"FAULT: {fault}")
    sys.exit(1 if faults else 0)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--timeout-per-file", type=float, default=60, help="seconds")
    parser.add_argument("--limit", type=float, default=120, help="seconds for the whole ingest")
    return parser.parse_args()


def _ingest(folder: Path, archive: Path, arguments: argparse.Namespace) -> tuple[dict, str, float]:
    command = [sys.executable, "-m", "docpager", "ingest", str(folder), "--archive", str(archive)]
    command += ["--json", "--timeout-per-file", str(arguments.timeout_per_file)]
    command += ["--password-file", str(archive.with_name("passwords.json"))]
    began = time.perf_counter()
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=2 * arguments.limit, check=False
    )
    seconds = time.perf_counter() - began
    if done.returncode:
        sys.exit(f"ingest ended with {done.returncode}:\n{done.stderr}")
    return json.loads(done.stdout), done.stderr, seconds


def _observed(manifest: Path) -> dict[str, dict]:
    if not manifest.is_file():
        return {}
    lines = manifest.read_text("utf-8").splitlines()
    return {Path(seen["file"]).name: seen for seen in map(json.loads, lines)}


def _verdicts(
    files: Sequence[str],
    report: dict,
    archive: Archive,
    folder: Path,
    passwords: dict[str, str | None],
) -> list[Verdict]:
    skipped = {failure["path"]: failure for failure in report["skipped"]}
    numbers = {path: entry.id for entry in archive.documents() for path in entry.paths}
    verdicts = []
    for file in files:
        if file in numbers:
            words = _words_by_pypdf(folder / file, passwords.get(file))
            verdicts.append(_searched(file, numbers[file], report, archive, words))
        elif file in skipped:
            failure = skipped[file]
            verdicts.append(Verdict(file, failure["reason"], failure["message"]))
        else:
            verdicts.append(Verdict(file, "UNNAMED", "neither searchable nor named"))
    return verdicts


def _words_by_pypdf(file: Path, password: str | None) -> list[str]:
    """The longest words on the first page; none where pypdf fails."""
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    try:
        text = pypdf.PdfReader(file, password=password).pages[0].extract_text()
    except Exception:  # noqa: BLE001 - whatever another reader does with a broken file
        return []
    words = set(re.findall(r"\b[A-Za-z]{4,20}\b", text))
    return sorted(words, key=lambda word: (-len(word), word))[:PYPDF_WORDS]


def _searched(
    file: str, number: int, report: dict, archive: Archive, words: Sequence[str]
) -> Verdict:
    """Whether words of a document find it, in a search of the whole archive."""
    found = [
        word for word in words if _finds(archive, word, number) or _holds(archive, word, number)
    ]
    if 2 * len(found) < len(words):
        return Verdict(file, "NOT FOUND", f"pypdf reads {words}, of which {found} find it")
    text = "".join(passage.text for passage in _passages(archive, number))
    if not text.strip():
        return Verdict(file, "blank", "nothing is drawn on its pages")
    pages = ", ".join(
        f"{reason}: {len(pages)}" for reason, pages in report["unreadable"].get(file, {}).items()
    )
    for start in range(0, len(text), max(1, len(text) // 3)):
        query = " ".join(re.findall(r"\w{2,}", text[start : start + 400])[1 : 1 + WORDS])
        query = query or text.strip()[:20]
        if not _finds(archive, query, number):
            return Verdict(file, "NOT FOUND", f"searching for {query!r}")
    by = f"; {len(found)} of pypdf's {len(words)} words find it" if words else ""
    unread = f"; pages {pages}" if pages else ""
    return Verdict(file, "", f"{len(text):,} characters{by}{unread}")


def _passages(archive: Archive, number: int) -> Sequence[Passage]:
    return archive.load(parse_locator(f"D{number}"))


def _finds(archive: Archive, query: str, number: int) -> bool:
    page = 1
    while True:
        found = archive.search(query, page=page)
        if any(hit.passage.document == number and hit.by != "meaning" for hit in found.hits):
            return True
        if page >= min(found.pages, 30):
            return False
        page += 1


def _holds(archive: Archive, word: str, number: int) -> bool:
    return bool(archive.grep(f"(?i){word}", documents=[number]).hits)


def _faults(
    verdicts: Sequence[Verdict], report: dict, stderr: str, seconds: float, limit: float
) -> list[str]:
    faults = [f"{v.file}: {v.detail}" for v in verdicts if v.reason in ("UNNAMED", "NOT FOUND")]
    vague = ("not read", "not opened")
    faults += [f"{v.file} has no clear reason" for v in verdicts if v.reason in vague]
    if "Traceback" in stderr:
        faults.append(f"a traceback: {stderr}")
    if seconds > limit:
        faults.append(f"it took {seconds:.0f} s, more than {limit:g}")
    if report["files"] != len(verdicts):
        faults.append(f"{report['files']} files seen of {len(verdicts)}")
    return faults


def _print(verdicts: Sequence[Verdict], seconds: float) -> None:
    print("| outcome | files |\n|---|---:|")
    counts = Counter(verdict.reason or "searchable" for verdict in verdicts)
    for outcome, count in counts.most_common():
        print(f"| {outcome} | {count} |")
    partly = sum("pages" in verdict.detail for verdict in verdicts if not verdict.reason)
    print(f"\n{len(verdicts)} files in {seconds:.1f} s; {partly} of the searchable ones in part.\n")
    for verdict in verdicts:
        print(f"{verdict.reason or 'searchable':14} {verdict.file}: {verdict.detail}")


def _print_lost(verdicts: Sequence[Verdict], observed: dict[str, dict]) -> None:
    print()
    for verdict in verdicts:
        seen = observed.get(verdict.file, {})
        chars = {by: seen.get(by, {}).get("chars", 0) for by in ("pypdf", "pymupdf")}
        if verdict.reason and any(chars.values()):
            print(f"{verdict.reason}, but others saw {chars} characters: {verdict.file}")


if __name__ == "__main__":
    main()
