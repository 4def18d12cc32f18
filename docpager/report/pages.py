"""Pages from templates: one self-contained file each, under a policy that lets nothing in.

What a page runs and how it looks stand inside it, allowed by their hashes; it may load nothing,
send nothing and go nowhere by itself. Every value is escaped (autoescape), and control characters
are spelled out. The only module that imports jinja2.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docpager.core.errors import UsageError
from docpager.core.visible import visible
from docpager.version import __version__

if TYPE_CHECKING:
    from jinja2 import Environment

__all__ = ["check_writable", "cut", "page_text", "safe_element", "write_page"]

_TEMPLATES = Path(__file__).parent / "templates"
_MARK = '<meta name="generator" content="docpager'
"""By this a page is known as one that may be written over."""
_POLICY = (
    "default-src 'none'; style-src '{style}'; script-src '{script}'; img-src data:; "
    "base-uri 'none'; form-action 'none'"
)
STATUS_WORDS = {
    "answered": "answered, with a quote that stands on a page that the model had read",
    "unsupported": "unsupported: no quote of it stands on a page that the model had read",
    "replied": "a reply in a chat that cites nothing; nothing of it was checked",
    "abstained": "not found: the model says that the documents do not tell",
    "failed": "failed: the model could not go on",
    "stopped": "stopped at a limit before there was an answer",
    "unfinished": "not finished",
}
_MATCH_WORDS = {
    "exact": "word for word",
    "normalised": "word for word but for spaces and signs",
    "repaired": "wording repaired from the document",
    "failed": "NOT FOUND there",
    "picture": "seen as a picture, nothing of it checked",
}


def safe_element(svg: str) -> Any:
    """An element made by this room, which is put into a page as it is."""
    from markupsafe import Markup

    return Markup(svg)


def write_page(path: Path, template: str, **values: Any) -> None:
    """Make the page of a template and put it at `path`, whole or not at all.

    Raises:
        UsageError: jinja2 is not installed, or the file cannot be written.
    """
    page = page_text(template, **values)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Whole or not at all, and not synced: a report can always be made again.
        anew = path.with_name(path.name + ".new")
        anew.write_bytes(page.encode("utf-8", "backslashreplace"))
        anew.replace(path)
    except OSError as error:
        raise UsageError(
            f"cannot write the report {str(path)!r}: {error.strerror}; name another place with "
            "`output=`"
        ) from error


def page_text(template: str, **values: Any) -> str:
    """The page of a template.

    Raises:
        UsageError: jinja2 is not installed.
    """
    environment = _environment()
    style = (_TEMPLATES / "style.css").read_text("utf-8")
    script = (_TEMPLATES / "table.js").read_text("utf-8")
    return environment.get_template(template).render(
        style=safe_element(style),
        script=safe_element(script),
        policy=safe_element(_POLICY.format(style=_hash(style), script=_hash(script))),
        version=__version__,
        status_words=STATUS_WORDS,
        match_words=_MATCH_WORDS,
        **values,
    )


def check_writable(path: Path) -> None:
    """See that a page at `path` would take nothing away but an older report.

    Raises:
        UsageError: something else stands there.
    """
    if not path.exists():
        return
    try:
        with path.open("rb") as file:
            ours = _MARK.encode() in file.read(2000)
    except OSError:
        ours = False
    if not ours:
        raise UsageError(
            f"{str(path)!r} is there already and is no report of docpager; name another place "
            "with `output=`"
        )


@cache
def _environment() -> Environment:
    try:
        from jinja2 import Environment, FileSystemLoader, StrictUndefined
    except ImportError as error:
        raise UsageError(
            "a report needs jinja2 and, for pictures, matplotlib: pip install 'docpager[report]'"
        ) from error
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    environment.filters.update(
        commas=lambda number: f"{number:,}",
        dollars=_dollars,
        seconds=lambda value: f"{value:,.1f} s",
        percent=lambda share: f"{share:.0%}",
        cut=cut,
    )
    return environment


def _shown(value: Any) -> Any:
    """A value as it may stand in a page: text without control characters, nothing for None."""
    from markupsafe import Markup

    if value is None:
        return ""
    if isinstance(value, Markup):  # joined texts, escaped by then, and what this room made
        return Markup(visible(str(value), lines=True))
    return value if isinstance(value, int | float) else visible(str(value), lines=True)


def _dollars(usd: float | None) -> str:
    if usd is None:
        return "price not known"
    return f"${usd:,.4f}" if usd else "$0"


def cut(text: str | None, limit: int) -> str:
    """A text on one line of at most `limit` characters."""
    flat = " ".join((text or "").split())
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"


def _hash(content: str) -> str:
    digest = hashlib.sha256(content.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"
