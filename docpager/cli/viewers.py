"""Programs that show a file on a desktop, started without a shell.

What a document holds is never run: only files of kinds that hold no program are handed on, by
their ending and by what docpager read in them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from docpager.core.errors import UsageError

__all__ = ["SAFE_ENDINGS", "Viewing", "has_display", "show_file", "show_source"]

SAFE_ENDINGS: Mapping[str, frozenset[str]] = {
    "pdf": frozenset({".pdf"}),
    "text": frozenset({".txt", ".text", ".log"}),
    "markdown": frozenset({".md", ".markdown"}),
    "csv": frozenset({".csv", ".tsv"}),
    "picture": frozenset({".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".bmp", ".gif"}),
}
"""By kind of document: endings of files that are opened. A script is text too, and a system may
start it when it is opened."""
_PAGE_ARGUMENTS: Mapping[str, Sequence[str]] = {
    "evince": ("--page-index={page}",),
    "okular": ("--page", "{page}"),
    "zathura": ("--page={page}",),
    "mupdf": (),
}
"""Viewers of PDF that take a page, counted from 1; mupdf takes it behind the file."""
_ASK_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Viewing:
    """A file that is to be opened."""

    path: Path
    kind: str
    """As in `DocumentEntry.kind`."""
    page: int | None = None
    """Counted from 1; None where no page is meant."""


def has_display() -> bool:
    """Whether a picture can be shown here."""
    if sys.platform in ("win32", "darwin"):
        return True
    has_one = bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    return has_one and shutil.which("xdg-open") is not None


def show_file(path: Path) -> None:
    """Open a file that docpager made with the system's viewer.

    Raises:
        UsageError: there is no way to.
    """
    _start(_opener(), path)


def show_source(viewing: Viewing) -> None:
    """Open a file of the user's, at its page where the viewer is known to take one.

    Raises:
        UsageError: it is of a kind that may run something, or there is no display.
    """
    suffix = viewing.path.suffix.lower()
    if suffix not in SAFE_ENDINGS.get(viewing.kind, frozenset()):
        raise UsageError(
            f"'{viewing.path}' is not opened: only files that cannot run anything are (PDF, plain "
            "text, Markdown, CSV, pictures); leave --source out to see its text"
        )
    if not has_display():
        raise UsageError(f"there is no display here to show '{viewing.path}' on")
    command = _page_command(viewing) if viewing.kind == "pdf" and viewing.page else None
    if command is not None:
        _run(command)
    else:
        _start(_opener(), viewing.path)


def _page_command(viewing: Viewing) -> list[str] | None:
    """The user's own viewer of PDF with its argument for a page; None where it is another one."""
    if sys.platform in ("win32", "darwin"):
        return None
    preferred = _default_viewer()
    names = [name for name in _PAGE_ARGUMENTS if name in preferred] if preferred else []
    name = next((each for each in names if shutil.which(each)), None)
    if name is None:
        return None
    page = [argument.format(page=viewing.page) for argument in _PAGE_ARGUMENTS[name]]
    behind = [str(viewing.page)] if name == "mupdf" else []
    return [shutil.which(name) or name, *page, str(viewing.path), *behind]


def _default_viewer() -> str:
    """The name of the desktop's entry for PDF, in small letters; empty where it is not known."""
    asked = shutil.which("xdg-mime")
    if asked is None:
        return ""
    try:
        answer = subprocess.run(
            [asked, "query", "default", "application/pdf"],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=_ASK_SECONDS,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return answer.stdout.decode("utf-8", "replace").strip().lower()


def _opener() -> str:
    """The program that opens a file with the user's own viewer; empty on Windows, which has a
    function for it.

    Raises:
        UsageError: there is none.
    """
    if sys.platform == "win32":
        return ""
    found = shutil.which("open" if sys.platform == "darwin" else "xdg-open")
    if found is None:
        raise UsageError("there is no xdg-open here to show a file with; install xdg-utils")
    return found


def _start(opener: str, path: Path) -> None:
    if sys.platform == "win32":
        os.startfile(path)
    else:
        _run([opener, str(path)])


def _run(command: Sequence[str]) -> None:
    """Start a program that outlives this one and has no part in its terminal."""
    try:
        subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError as error:
        detail = error.strerror or type(error).__name__
        raise UsageError(f"'{command[0]}' could not be started ({detail})") from error
