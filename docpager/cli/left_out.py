"""What an ingest says of what it left out: a few lines by name, the rest counted by kind."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from docpager.cli.flags import with_flags
from docpager.cli.terminal import note
from docpager.core.passages import counted, number_ranges

if TYPE_CHECKING:
    from docpager.archive.ingest_report import IngestReport, Skipped

__all__ = ["FEW", "tell_few", "tell_left_out", "tell_skipped", "tell_unreadable"]

FEW = 10
"""Lines of a kind that are printed; a folder of letters can have thousands of attachments that
are not read."""
_FEW_NAMES = 5
_ATTACHED = re.compile(r"""(['"])(.+#.+?)\1 """)
"""How a sentence begins that is about a file inside another: with its path."""
_LISTED = "docpager status --unreadable lists all"


def tell_few(
    lines: Sequence[str],
    rest: str,
    *,
    verbose: bool = False,
    all_named_by: str = "--verbose names each",
) -> None:
    """Print some lines, and how many more there are: `and 12 more REST`."""
    shown = lines if verbose else lines[:FEW]
    for line in shown:
        note(line)
    if more := len(lines) - len(shown):
        note(f"and {more:,} more {rest} ({all_named_by})")


def tell_skipped(skipped: Sequence[Skipped], *, verbose: bool = False, few: int = FEW) -> None:
    """Name some of the files and parts of files that could not be read, and count the others by
    kind. Whole files come before parts of them, so that no file is hidden by what another holds."""
    places = list(range(len(skipped)))
    if not verbose:
        met: Counter[str] = Counter()
        turns = []
        for file in skipped:
            turns.append(met[file.path])
            met[file.path] += 1
        places = sorted(sorted(places, key=lambda place: turns[place])[:few])
    for place in places:
        file = skipped[place]
        note(f"skipped: {file.path}: {file.reason or 'in part'} ({with_flags(file.message)})")
    if rest := [skipped[place] for place in sorted(set(range(len(skipped))) - set(places))]:
        note(f"and {len(rest):,} more: {_by_kind(rest)} ({_LISTED})")


def tell_unreadable(
    unreadable: Mapping[str, Mapping[str, Sequence[int]]], *, verbose: bool = False
) -> None:
    """Name some of the documents with pages that have no usable text, and count the others."""
    lines: list[str] = []
    rest: Counter[str] = Counter()
    for path, reasons in unreadable.items():
        for reason, pages in reasons.items():
            if verbose or len(lines) < FEW:
                lines.append(f"{path}: {_counted_pages(pages)}: {reason}")
            else:
                rest[reason] += len(pages)
    for line in lines:
        note(line)
    if rest:
        why = ", ".join(f"{count:,} {reason}" for reason, count in rest.most_common())
        note(f"and {counted(rest.total(), 'more page')}: {why} ({_LISTED})")


def _by_kind(skipped: Sequence[Skipped]) -> str:
    """`8,000 attached files (7,000 .bin, 1,000 pictures), 12 damaged, 3 in part`."""
    from docpager.documents.kinds import counted_kinds, unread_kind

    attached: Counter[str] = Counter()
    others: dict[str, int] = defaultdict(int)
    for file in skipped:
        if not file.reason and (inner := _ATTACHED.match(file.message)):
            attached[unread_kind(inner[2])] += 1
        else:
            others[file.reason or "in part"] += 1
    parts = [f"{count:,} {reason}" for reason, count in sorted(others.items(), key=_most_first)]
    if attached:
        files = counted(attached.total(), "attached file")
        parts.insert(0, f"{files} ({counted_kinds(attached)})")
    return ", ".join(parts)


def _most_first(counted_reason: tuple[str, int]) -> int:
    return -counted_reason[1]


def tell_left_out(report: IngestReport, *, verbose: bool = False) -> None:
    """Say which kinds of files an ingest did not read, and what may be wrong with what it read."""
    _tell_unsupported(report.unsupported, verbose=verbose)
    _tell_hidden(report.hidden)
    _tell_doubtful(report.doubtful)
    _tell_scanned(report)


def _tell_unsupported(paths: Sequence[str], *, verbose: bool = False) -> None:
    """Name the files that are of a kind which is not read: by kind and count, or each by name.

    A folder may hold thousands of pictures, so names are left out unless they are few.
    """
    if not paths:
        return
    from docpager.documents.kinds import counted_kinds, unread_kind

    counts = counted_kinds(Counter(map(unread_kind, paths)))
    few = len(paths) <= _FEW_NAMES
    note(f"not read: {counts}" + (f" ({', '.join(paths)})" if few and not verbose else ""))
    for path in paths if verbose else ():
        note(f"not read: {path}")


def _tell_scanned(report: IngestReport) -> None:
    """Say how pages are read that are pictures, if some are not."""
    from docpager.documents.kinds import kind_named
    from docpager.documents.ocr.recognition import SCANNED

    pages = sum(
        len(numbers)
        for reasons in report.unreadable.values()
        for reason, numbers in reasons.items()
        if reason in SCANNED
    )
    endings = kind_named("picture").suffixes
    pictures = sum(PurePosixPath(path).suffix.lower() in endings for path in report.unsupported)
    parts = [counted(pages, "PDF page")] if pages else []
    parts += [counted(pictures, "picture file")] if pictures else []
    if parts:
        note(f"{' and '.join(parts)} may be read with --ocr, which recognises text in pictures")


def _tell_hidden(paths: Sequence[str]) -> None:
    """Count the files and folders that were left out because they are hidden."""
    if paths:
        note(f"hidden, not read: {counted(len(paths), 'file or folder', 'files or folders')}")


def _tell_doubtful(reasons: Mapping[str, str]) -> None:
    """Name documents whose whole text may be wrong; many are counted."""
    for reason, count in Counter(reasons.values()).items():
        paths = [path for path, why in reasons.items() if why == reason]
        which = ", ".join(paths) if count <= _FEW_NAMES else f"{counted(count, 'document')}"
        note(f"{which}: {reason} (docpager status --unreadable)")


def _counted_pages(pdf_pages: Sequence[int]) -> str:
    """`4 pages (1-3, 7)`, cut after the first eight ranges."""
    ranges = number_ranges(pdf_pages)
    named = ", ".join(ranges[:8]) + (", ..." if len(ranges) > 8 else "")
    return f"{counted(len(pdf_pages), 'page')} ({named})"
