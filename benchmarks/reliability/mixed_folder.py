"""A folder of everything: each file is a document, a duplicate, or named, whatever happens.

    python -m benchmarks.reliability.mixed_folder --files 1000 --kills 5 --seed 1

Writes a folder of files of every kind that is read, in many encodings and with names in many
scripts, among them equal files, empty, damaged and hidden ones, links, pictures and archives, and
ingests it as a user would. Then: each fact is found in its own file; `status` adds up; a second
ingest reads nothing; an ingest that is ended by SIGKILL at random moments and started again gives
the archive of an undisturbed one, and leaves no process behind; what is excluded and pruned is
gone and nothing else. It needs `pip install 'docpager[dev]'`.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from benchmarks.reliability.mixed_files import ENCODINGS, WRITERS, cut, scan, written_in
from docpager.archive.archive import Archive

NAMES = (
    "report {n}",
    "Договор {n}",
    "契約書{n}",
    "合同-{n}",
    "عقد {n}",
    "חוזה {n}",
    "σύμβαση {n}",
    "계약서 {n}",
    "สัญญา {n}",
    "अनुबंध {n}",
    "contrato añejo {n}",
    "a\u0308rger {n}",
    "-rf {n}",
    "[red]{n}[bold]",
    "100 % {n} 'quoted' \"twice\"",
    "new\nline {n}",
    "#hash; {n} && echo",
    "📄 {n}",
)
FOLDERS = ("", "letters/", "letters/2023/", "Договоры/", "契約/古い/", "a b/c#d/")
BROKEN = (".pdf", ".docx", ".xlsx", ".pptx", ".odt", ".ods", ".epub", ".xls", ".msg")
UNREAD = (".zip", ".tar.gz", ".7z", ".rar", ".mp3", ".mp4", ".dwg", ".exe", ".png", ".jpg", ".tiff")
HOLDS = {"duplicate": 0.12, "empty": 0.04, "broken": 0.05, "unread": 0.08, "hidden": 0.02}
LINKS = 0.015
UNCOUNTED = ("archive_id", "generation", "segments", "bytes", "deleted_passages")
"""Of `status`: what depends on how often an ingest was started."""

VICTIM = """
import sys
from pathlib import Path
from docpager.archive.ingest import ingest
ingest([Path(sys.argv[1])], Path(sys.argv[2]), commit_passages=60)
"""
"""An ingest that commits often: the command does so each half minute, and would be done by then."""


@dataclass
class Folder:
    """What was written, by path under the folder."""

    root: Path
    facts: dict[str, str] = field(default_factory=dict)
    """The word of each file that must be a document."""
    twins: dict[str, str] = field(default_factory=dict)
    """Files equal to another."""
    named: set[str] = field(default_factory=set)
    """Empty files, and links that are not followed."""
    broken: set[str] = field(default_factory=set)
    """Of which a part may be read, else they are named."""
    unread: set[str] = field(default_factory=set)
    hidden: set[str] = field(default_factory=set)

    @cached_property
    def entries(self) -> set[str]:
        """All of them, once they are written."""
        found = set(self.facts) | set(self.twins)
        return found | self.named | self.broken | self.unread | self.hidden

    def count(self) -> int:
        read = len(self.facts) + len(self.twins)
        return read + sum(map(len, (self.named, self.broken, self.unread, self.hidden)))

    def file_of(self, document: str) -> str:
        """The file that holds a document, as `a#1.eml` is held by `a`."""
        while document not in self.entries and "#" in document:
            document = document.rpartition("#")[0]
        return document

    def write(self, path: str, content: bytes) -> str:
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
        return path


def main() -> None:
    arguments = _arguments()
    generator = random.Random(arguments.seed)
    faults: list[str] = []
    with tempfile.TemporaryDirectory(prefix="mixed-") as home:
        folder = make_folder(arguments.keep or Path(home, "files"), arguments.files, generator)
        archive = Path(home, "archive")
        report, seconds = _ingested(folder, archive)
        print(f"{len(folder.entries)} files, {report['documents']} documents, {seconds:.1f} s")
        for name, check in _checks(folder, archive, report):
            found = list(check)
            faults += found
            print(f"{name}: {f'{len(found)} faults' if found else 'as promised'}")
        if arguments.kills:
            faults += _after_kills(folder, archive, seconds, arguments.kills, generator)
        faults += _when_excluded_and_pruned(folder, archive)
    for fault in faults:
        print(f"FAULT {fault}")
    print(f"{len(faults)} faults")
    sys.exit(1 if faults else 0)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, metavar="DIR", help="Write the files here.")
    return parser.parse_args()


def make_folder(root: Path, count: int, generator: random.Random) -> Folder:
    """So many files, links and hidden folders, of which most can be read."""
    folder = Folder(root)
    root.mkdir(parents=True)
    _add_links(folder, max(4, round(LINKS * count)))
    for kind, share in HOLDS.items():
        if kind != "duplicate":
            for number in range(round(share * count)):
                _add_unreadable(folder, kind, number, generator)
    twins = round(HOLDS["duplicate"] * count)
    unreadable = folder.count()
    for number in range(count - twins - unreadable):
        path, content, word = _readable(number, generator)
        folder.facts[folder.write(path, content)] = word
    originals = sorted(folder.facts)
    for number in range(twins):
        path = generator.choice(originals)
        copy = f"copies {number % 7}/{number} {Path(path).name}"
        folder.twins[folder.write(copy, (root / path).read_bytes())] = path
    assert folder.count() == count
    return folder


def _readable(number: int, generator: random.Random) -> tuple[str, bytes, str]:
    word = _word(number)
    fact = f"The quay of {word} cost {generator.randrange(100, 999)} crowns in 1904."
    name = generator.choice(FOLDERS) + generator.choice(NAMES).format(n=number)
    writers = [*WRITERS.items()]
    if number % 4 == 0:
        encoding = [*ENCODINGS][number // 4 % len(ENCODINGS)]
        return name + (".txt" if number % 3 else ""), written_in(encoding, fact), word
    suffix, write = writers[number % len(writers)]
    return name + (suffix.upper() if number % 11 == 0 else suffix), write(fact), word


def _word(number: int) -> str:
    """A word that no other number has, and that no other becomes when its ending is cut off."""
    syllables = ["ba", "ke", "di", "fo", "gu", "la", "me", "ni", "po", "ru"]
    return "Qu" + "".join(syllables[int(digit)] for digit in f"{number:04d}") + "x"


def _add_unreadable(folder: Folder, kind: str, number: int, generator: random.Random) -> None:
    place = generator.choice(FOLDERS)
    if kind == "empty":
        suffix = generator.choice([*WRITERS, ".txt"])
        folder.named.add(folder.write(f"{place}empty {number}{suffix}", b""))
    elif kind == "broken":
        suffix = generator.choice(BROKEN)
        whole = WRITERS[suffix](f"The quay of {_word(9000 + number)} cost 7 crowns.")
        folder.broken.add(folder.write(f"{place}cut {number}{suffix}", cut(whole, generator)))
    elif kind == "unread":
        suffix = generator.choice(UNREAD)
        content = scan() if suffix == ".png" else b"PK\3\4" + generator.randbytes(200)
        folder.unread.add(folder.write(f"{place}other {number}{suffix}", content))
    elif number % 3:
        folder.hidden.add(folder.write(f"{place}.hidden {number}.txt", b"hidden"))
    else:
        folder.write(f".folder{number}/inside.txt", b"hidden too")
        folder.hidden.add(f".folder{number}")


def _add_links(folder: Folder, count: int) -> None:
    """Links out of the folder, links to nothing, to the folder above, and to a file in it."""
    outside = folder.root.parent / "outside.txt"
    outside.write_text("Nobody named this file.")
    target = folder.write("linked to.txt", b"The quay of Quarkenby cost 5 crowns.")
    folder.facts[target] = "Quarkenby"
    for number in range(count - 1):
        path = f"link {number}.txt"
        where = (outside, folder.root / "nothing here.txt", folder.root / target)[number % 3]
        (folder.root / path).symlink_to(where)
        if number % 3 == 2:
            folder.twins[path] = target
        else:
            folder.named.add(path)


def _started(*command: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def _ingested(folder: Folder, archive: Path, *options: str) -> tuple[dict[str, Any], float]:
    began = time.monotonic()
    command = ("ingest", "--archive", str(archive), str(folder.root), "--json", *options)
    process = _started("-m", "docpager", *command)
    stdout, stderr = process.communicate()
    if process.returncode or "Traceback" in stderr:
        sys.exit(f"exit code {process.returncode}\n{stderr}")
    return json.loads(stdout), time.monotonic() - began


def _checks(
    folder: Folder, archive: Path, report: dict[str, Any]
) -> Iterator[tuple[str, Iterator[str]]]:
    yield "each file is a document, a duplicate, or named", _unnamed(folder, archive, report)
    yield "each fact is found in its own file", _not_found(folder, archive)
    yield "status adds up", _status_faults(folder, archive)
    yield "a second ingest reads nothing", _read_again(folder, archive)


def _unnamed(folder: Folder, archive: Path, report: dict[str, Any]) -> Iterator[str]:
    skipped = {each["path"] for each in report["skipped"]}
    twins = {folder.file_of(path) for path, _ in report["duplicates"]}
    left_out = set(report["unsupported"]) | set(report["hidden"])
    with Archive.open(archive) as opened:
        documents = {folder.file_of(entry.path) for entry in opened.documents()}
    for path in sorted(folder.entries):
        if not (path in documents or path in twins or path in skipped or path in left_out):
            yield f"{path!r} is nowhere"
    for paths, where, what in (
        (folder.named, skipped, "not named"),
        (folder.unread, set(report["unsupported"]), "not named"),
        (folder.hidden, set(report["hidden"]), "not named"),
    ):
        yield from (f"{path!r} is {what}" for path in sorted(paths - where))
    for copy, path in folder.twins.items():
        if (copy in documents) + (path in documents) != 1 and copy not in twins | {path}:
            yield f"{copy!r} is no duplicate of {path!r}"
    wanted = folder.named | folder.broken
    yield from (f"{path!r} was skipped" for path in sorted(skipped - wanted))


def _not_found(folder: Folder, archive: Path) -> Iterator[str]:
    same = {path: {path} for path in folder.facts}
    for copy, path in folder.twins.items():
        same[path].add(copy)
    with Archive.open(archive) as opened:
        paths = {entry.id: folder.file_of(entry.path) for entry in opened.documents()}
        for path, word in folder.facts.items():
            hits = opened.search(word, page_size=1).hits
            found = paths[hits[0].passage.document] if hits else None
            if found not in same[path]:
                yield f"{word} of {path!r} is found in {found!r}"


def _status(archive: Path) -> dict[str, Any]:
    with Archive.open(archive) as opened:
        return asdict(opened.status())


def _status_faults(folder: Folder, archive: Path) -> Iterator[str]:
    status = _status(archive)
    parts = status["files_read"] + status["duplicate_files"] + status["files_not_read"]
    left_out = sum(status["left_out"].values())
    print(
        f"found {status['files']} = {status['files_read']} read + {status['duplicate_files']} "
        f"duplicates + {status['files_not_read']} not read + {left_out} left out"
    )
    if status["files"] != parts + left_out:
        yield f"status: {status['files']} files, but {parts} + {left_out}"
    if status["files"] != len(folder.entries):
        yield f"status: {status['files']} files of {len(folder.entries)}"
    if left_out != len(folder.unread | folder.hidden):
        yield f"status: {left_out} left out of {len(folder.unread | folder.hidden)}"
    if status["duplicate_files"] != len(folder.twins):
        yield f"status: {status['duplicate_files']} duplicates of {len(folder.twins)}"


def _read_again(folder: Folder, archive: Path) -> Iterator[str]:
    before = _status(archive)["generation"]
    report, _ = _ingested(folder, archive)
    if _status(archive)["generation"] != before or report["new"]:
        yield f"second ingest: {report['new']} documents are new"


def _held(archive: Path) -> dict[str, Any]:
    """All that an archive holds, whatever the ingests that made it."""
    with Archive.open(archive) as opened:
        status = {k: v for k, v in asdict(opened.status()).items() if k not in UNCOUNTED}
        documents = [asdict(entry) for entry in opened.documents()]
        texts = [[p.text for p in opened.load(f"D{entry['id']}")] for entry in documents]
        audit = asdict(opened.audit())
        found = [
            (hit.passage.document, hit.passage.ordinal)
            for hit in opened.search("quay crowns 1904", page_size=50).hits
        ]
    return {
        "status": status,
        "documents": documents,
        "texts": texts,
        "audit": audit,
        "found": found,
    }


def _after_kills(
    folder: Folder, whole: Path, seconds: float, kills: int, generator: random.Random
) -> list[str]:
    """One archive a kill, and one archive that is killed so often before it is finished."""
    expected = _held(whole)
    archives = [[generator.uniform(0.1, 1) * seconds] for _ in range(kills)]
    archives.append([generator.uniform(0.3, 0.6) * seconds for _ in range(kills)])
    faults = []
    outcomes: Counter[str] = Counter()
    for number, moments in enumerate(archives):
        archive = whole.with_name(f"killed-{number}")
        for moment in moments:
            outcome, left = _killed(folder, archive, moment)
            outcomes[outcome] += 1
            faults += [f"{left} processes outlived a kill after {moment:.1f} s"] if left else []
        read = (
            _status(archive)["files_read"] if archive.is_dir() and any(archive.glob("man*")) else 0
        )
        _ingested(folder, archive)
        held = _held(archive)
        parts = [name for name in held if held[name] != expected[name]]
        moments_said = ", ".join(f"{moment:.1f}" for moment in moments)
        print(f"killed after {moments_said} s, with {read} files read: {parts or 'the same'}")
        faults += [f"after a kill at {moments_said} s: other {parts}"] if parts else []
        shutil.rmtree(archive)
    print(", ".join(f"{count} {outcome}" for outcome, count in outcomes.items()))
    return faults


def _killed(folder: Folder, archive: Path, moment: float) -> tuple[str, int]:
    """How it ended, and how many of its processes were there five seconds later."""
    process = _started("-c", VICTIM, str(folder.root), str(archive))
    try:
        stderr = process.communicate(timeout=moment)[1]
        if process.returncode:
            sys.exit(f"exit code {process.returncode}\n{stderr}")
    except subprocess.TimeoutExpired:
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        until = time.monotonic() + 5
        while (left := _processes_of(process.pid)) and time.monotonic() < until:
            time.sleep(0.1)
        return "killed", left
    return "ended before its moment", 0


def _processes_of(session: int) -> int:
    count = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text(errors="replace").rpartition(")")[2].split()
        except OSError:
            continue
        count += fields[3] == str(session) and fields[0] != "Z"
    return count


def _when_excluded_and_pruned(folder: Folder, archive: Path) -> list[str]:
    """Files that are excluded or deleted stay until `--prune`, and then they alone are gone."""
    faults = []
    with Archive.open(archive) as opened:
        before = {entry.path for entry in opened.documents()}
    excluded = {path for path in before if path.startswith("letters/")}
    gone = sorted(path for path in before - excluded if path in folder.facts)[:20]
    spared = {path for path in gone if path in folder.twins.values()}
    for path in gone:
        (folder.root / path).unlink()
    for prune in (False, True):
        options = ["--exclude", "letters", *(["--prune"] if prune else [])]
        _ingested(folder, archive, *options)
        with Archive.open(archive) as opened:
            after = {entry.path for entry in opened.documents()}
        lost = before - after
        wanted = (excluded | set(gone)) if prune else set()
        # A document whose file is gone stays under the name of an equal file.
        unexpected = {p for p in lost ^ wanted if folder.file_of(p) not in spared | excluded}
        faults += [f"prune={prune}: {sorted(unexpected)[:5]}"] if unexpected else []
        print(f"--exclude letters{' --prune' if prune else ''}: {len(lost)} documents gone")
    return faults


if __name__ == "__main__":
    main()
