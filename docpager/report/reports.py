"""Reports of what a path holds: one file for a run, a folder for a batch or for many runs."""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from docpager.core.errors import DocpagerError, JournalError, UsageError
from docpager.report.batch_page import (
    AnswerRow,
    answer_rows,
    journal_rows,
    lines_file,
    write_index,
)
from docpager.report.coverage import BatchCoverage
from docpager.report.excerpts import Excerpts
from docpager.report.page_pictures import PagePictures
from docpager.report.pages import check_writable
from docpager.report.run_page import write_run
from docpager.run.journal import is_journal

__all__ = ["write_reports"]

Progress = Callable[[int, int], None]
"""Told how many pages of runs are written, and of how many."""
_ALL = sys.maxsize

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")


def write_reports(
    paths: Sequence[Path],
    output: Path | None = None,
    *,
    pictures: bool | int = True,
    progress: Progress = lambda done, of: None,
) -> list[Path]:
    """Write a report of each path: of a journal a page, of an answers file or of a folder of
    journals a folder.

    `output` is where the report goes; for several paths, the folder that theirs go into. Without
    it they go into the current folder, named after what they are of. `pictures` are plots and the
    cited pages of PDFs; a number: of a batch only its first so many runs have them, which saves
    time. Returns the page of each to open first.

    Raises:
        UsageError: a path holds neither, something else stands where a report would go, `pictures`
            is negative, or a library is missing (pip install 'docpager[report]').
        JournalError: a journal is damaged, or does not replay.
    """
    most = pictures if not isinstance(pictures, bool) else _ALL if pictures else 0
    if most < 0:
        raise UsageError(f"pictures are wanted for 0 runs or more, not for {most}")
    several = len(paths) > 1
    written = []
    with Excerpts(PagePictures() if most else None) as excerpts:
        for path, target in zip(paths, _targets(paths, output, several=several), strict=True):
            if _is_journal(path):
                check_writable(target)
                write_run(path, target, excerpts=excerpts, pictures=most > 0)
                written.append(target)
            else:
                written.append(_Batch(path, target, excerpts, most).write(progress))
    return written


def _targets(paths: Sequence[Path], output: Path | None, *, several: bool) -> list[Path]:
    """Where each report goes."""
    targets = []
    for path in paths:
        name = path.resolve().name if path.is_dir() else path.stem
        own = f"{name}.html" if _is_journal(path) else f"{name}-report"
        if output is None:
            target = Path(own)
        elif several or (_is_journal(path) and output.is_dir()):
            target = output / own
        else:
            target = output
        if target in targets:
            raise UsageError(
                f"two reports would be written to {str(target)!r}; report one at a time, each with "
                "an `output=` of its own"
            )
        targets.append(target)
    return targets


def _is_journal(path: Path) -> bool:
    """Whether a path is a journal; else it must be a folder of journals, or hold answers.

    Raises:
        UsageError: it cannot be read.
    """
    try:
        return not path.is_dir() and is_journal(path)
    except OSError as error:
        raise UsageError(
            f"cannot read {str(path)!r}: {error.strerror}; name the journal of a run, a folder of "
            "journals, or the answers of a batch"
        ) from error


class _Batch:
    """The report of one answers file, or of a folder of journals."""

    def __init__(self, answers: Path, folder: Path, excerpts: Excerpts, pictures: int) -> None:
        self._answers = answers
        self._folder = folder
        self._excerpts = excerpts
        self._pictures = pictures
        """Runs that have pictures."""
        self._coverage = BatchCoverage()

    def write(self, progress: Progress) -> Path:
        """Write the pages of its runs, then its own, which is returned."""
        index, folder = self._folder / "index.html", self._folder
        if folder.exists() and not folder.is_dir():
            raise UsageError(f"{str(folder)!r} is a file; name a folder for this report")
        check_writable(index)
        rows = self._rows()
        used: set[str] = set()
        addresses = [f"runs/{_file_name(row.id, used)}.html" for row in rows]
        # By cited page, so that no page is drawn twice; those with pictures last, because they
        # take longest and the time that is left is told from the first.
        order = sorted(range(len(rows)), key=lambda n: (n < self._pictures, rows[n].first_cited))
        for done, n in enumerate(order, 1):
            self._write_row(rows[n], addresses[n], pictures=n < self._pictures)
            progress(done, len(rows))
        write_index(
            self._answers,
            index,
            rows,
            coverage=self._coverage,
            pictures=self._pictures > 0,
            pictured=min(self._pictures, len(rows)),
        )
        return index

    def _rows(self) -> list[AnswerRow]:
        if self._answers.is_dir():
            return journal_rows(self._answers)
        lines_file(self._answers)
        return list(answer_rows(self._answers))

    def _write_row(self, row: AnswerRow, address: str, *, pictures: bool) -> None:
        """The page of one run; a run without one costs the others nothing."""
        if row.journal is None:
            row.pageless = "its journal was not found" if row.named else "it names no journal"
            return
        check_writable(self._folder / address)
        try:
            run = write_run(
                row.journal,
                self._folder / address,
                excerpts=self._excerpts,
                pictures=pictures,
                index="../index.html",
            )
        except UsageError:
            raise  # a library is missing, or nothing can be written: so it will be for the others
        except JournalError as error:
            row.pageless = _without_names(error, row)
            return
        row.page = address
        if run is None:
            row.redact()
        else:
            if run.line is not None and self._answers.is_dir():
                row.fill(run.line)
            self._coverage.add(run, self._excerpts.archive_of_run(run))


def _without_names(error: DocpagerError, row: AnswerRow) -> str:
    """What is wrong with a journal, without its name, so that equal causes are grouped."""
    return str(error).replace(str(row.journal), "its journal")


def _file_name(id: str, used: set[str]) -> str:
    """An id as a file name that no other id of the batch has, on any file system."""
    safe = _PLAIN.fullmatch(id) is not None and not id.endswith(".")
    name = id if safe else hashlib.sha256(id.encode("utf-8", "surrogatepass")).hexdigest()[:24]
    if name.casefold() in used:
        name = f"{name[:40]}-{hashlib.sha256(id.encode('utf-8', 'surrogatepass')).hexdigest()[:24]}"
    used.add(name.casefold())
    return name
