"""The command line of the measurement."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from pathlib import Path
from typing import IO

import click

from benchmarks.text_fidelity.cache import PageCache
from benchmarks.text_fidelity.measure import (
    PEERS,
    MeasuredFile,
    Outsiders,
    in_half,
    measure_file,
    page_texts,
)
from benchmarks.text_fidelity.readers import LibraryReader, PageReader, judges_at, library_versions
from benchmarks.text_fidelity.report import page_lines, set_lines, show_page
from docpager.core.errors import DocpagerError, UsageError
from docpager.documents.files import find_files

__all__ = ["main"]


@click.command()
@click.argument(
    "folders", nargs=-1, required=True, metavar="FOLDER...", type=click.Path(path_type=Path)
)
@click.option("--judges", metavar="PYTHON", help="Interpreter that has pymupdf and pdfminer.six.")
@click.option(
    "--cache",
    "cache_folder",
    default=".text-fidelity",
    show_default=True,
    type=click.Path(path_type=Path),
    help="Where pages that others have read are kept.",
)
@click.option(
    "--every",
    default=1,
    show_default=True,
    type=click.IntRange(min=1),
    help="Look at every N-th page of a file, from the first on.",
)
@click.option(
    "--half",
    type=click.Choice(["even", "odd"]),
    help="Only files of this half, by the sha256 of their names.",
)
@click.option(
    "--pages",
    "shown",
    multiple=True,
    metavar="FILE:N",
    help="Show the differences on one page instead; may be repeated.",
)
@click.option(
    "--jobs", default=1, show_default=True, type=click.IntRange(min=1), help="Files at once."
)
@click.option(
    "--out", type=click.File("w", encoding="utf-8", lazy=False), help="A JSON line for each page."
)
def main(
    folders: Sequence[Path],
    judges: str | None,
    cache_folder: Path,
    every: int,
    half: str | None,
    shown: Sequence[str],
    jobs: int,
    out: IO[str] | None,
) -> None:
    """Compare docpager's stored text of the PDFs in each FOLDER with three independent readers."""
    try:
        outsiders = _outsiders(cache_folder, judges)
        files = {folder: _pdfs(folder, half) for folder in folders}
        if shown:
            for place in shown:
                _show(place, files, outsiders)
            return
        for folder in folders:
            _measure(folder, files[folder], outsiders, every=every, jobs=jobs, out=out)
    except DocpagerError as error:
        click.echo(f"text_fidelity: {error}", err=True)
        sys.exit(error.exit_code)


def _outsiders(cache_folder: Path, judges: str | None) -> Outsiders:
    ours = library_versions(sys.executable)
    peers = [LibraryReader(name, ours[name], sys.executable) for name in PEERS]
    found: Callable[[], Sequence[PageReader]] = cache(partial(judges_at, judges))
    return Outsiders(PageCache(cache_folder), peers, found, check_versions=judges is not None)


def _pdfs(folder: Path, half: str | None) -> list[tuple[Path, str]]:
    """(place, name relative to the folder) of the PDFs of a half."""
    found = [path for path in find_files(folder).readable if path.suffix.lower() == ".pdf"]
    if not found:
        raise UsageError(f"there is no PDF in {str(folder)!r}; check the path")
    root = folder if folder.is_dir() else folder.parent
    return [(path, path.relative_to(root).as_posix()) for path in found if in_half(path, half)]


def _measure(
    folder: Path,
    files: Sequence[tuple[Path, str]],
    outsiders: Outsiders,
    *,
    every: int,
    jobs: int,
    out: IO[str] | None,
) -> None:
    title, measured = folder.name or str(folder), []
    for number, file in enumerate(_in_order(files, outsiders, every=every, jobs=jobs), start=1):
        measured.append(file)
        click.echo(f"{title} {number}/{len(files)} {file.file}: {len(file.pages)} pages", err=True)
        for line in page_lines(title, file) if out else ():
            click.echo(line, file=out)
    for line in set_lines(title, measured):
        click.echo(line)


def _in_order(
    files: Sequence[tuple[Path, str]], outsiders: Outsiders, *, every: int, jobs: int
) -> Iterator[MeasuredFile]:
    with ThreadPoolExecutor(jobs) as pool:
        futures = [pool.submit(measure_file, *file, outsiders, every=every) for file in files]
        try:
            for future in futures:
                yield future.result()
        finally:
            pool.shutdown(cancel_futures=True)


def _show(place: str, files: dict[Path, list[tuple[Path, str]]], outsiders: Outsiders) -> None:
    name, _, page = place.rpartition(":")
    found = [(p, n) for pdfs in files.values() for p, n in pdfs if n == name or p.name == name]
    if not found or not page.isdecimal() or int(page) < 1:
        raise UsageError(
            f"{place!r} is no page of these folders; name a file and a page counted from 1, "
            "as in report.pdf:12"
        )
    for path, relative in found:
        count, texts, _ = page_texts(path, relative, outsiders, only=int(page))
        if int(page) > count:
            raise UsageError(f"{relative!r} has {count} pages, so there is no {place!r}")
        for line in show_page(relative, texts[0]):
            click.echo(line)
