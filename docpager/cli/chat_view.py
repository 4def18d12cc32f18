"""What a person sees of a session: when it was used, what it remembers, what changed there."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from docpager.cli.terminal import note, say
from docpager.core.errors import UsageError
from docpager.core.passages import counted

if TYPE_CHECKING:
    from docpager.api.chat import Chat
    from docpager.chat.changes import MemoryChange
    from docpager.chat.forgetting import Forgetting
    from docpager.chat.home import SessionInfo
    from docpager.paging.conversation import CoreBlock
    from docpager.run.answer_line import Citation

__all__ = [
    "ago",
    "print_changes",
    "print_holdings",
    "print_memory",
    "print_session",
    "print_undone",
    "said_in",
    "tell_forgotten",
    "tell_session",
    "tell_unanswered",
]

_FEW_DOCUMENTS = 3
_SHORT = 70
"""Characters of a message that is named."""


def tell_session(
    chat: Chat, before: SessionInfo | None, paths: Sequence[str], archive: Path
) -> None:
    """Say which session this is, when it was last used, and what documents it is about."""
    if before is None:
        note(f"session {chat.name}: new")
    else:
        messages = counted(before.messages, "message")
        note(
            f"session {chat.name}: {messages} since {_day(before.begun)}, last used "
            f"{ago(before.last)}"
        )
    note(_documents(archive, paths))


def tell_unanswered(chat: Chat) -> None:
    """Name the message that was not answered when the session was left, if there is one."""
    if chat.unanswered:
        text = " ".join(chat.show(chat.unanswered).text.split())
        shown = text if len(text) <= _SHORT else f"{text[: _SHORT - 1]}…"
        note(f'not answered yet: "{shown}" (/resume answers it)')


def said_in(citation: Citation, chat: Chat) -> str | None:
    """The turn or memory that a citation names, for people; None where it names a document."""
    name = citation.place.document_id or ""
    if name[:1] not in ("T", "M"):
        return None
    try:
        found = chat.show(name)
    except UsageError:
        return name
    who = {"user": "you", "assistant": "the assistant"}.get(found.who, found.who)
    where = "" if found.session == chat.name else f", session {found.session}"
    what = "remembered" if found.kind == "memory" else f"{who} said"
    return f"{what} on {found.when.astimezone():%F %H:%M}{where} [{name}]"


def _documents(archive: Path, paths: Sequence[str]) -> str:
    from docpager.archive.archive import Archive
    from docpager.archive.manifest import COPY, MANIFEST

    if not any((archive / name).exists() for name in (MANIFEST, COPY)):
        return "documents: none; name a PATH to talk about files"
    with Archive.open(archive) as library:
        entries = list(library.documents())
        if paths:
            scope = set(library.documents_under([Path(path) for path in paths]))
            entries = [entry for entry in entries if entry.id in scope]
    names = ", ".join(entry.path for entry in entries[:_FEW_DOCUMENTS])
    more = len(entries) - _FEW_DOCUMENTS
    return (
        f"documents: {names}{f' and {more:,} more' if more > 0 else ''}"
        if entries
        else ("documents: none in the archive")
    )


def print_session(info: SessionInfo) -> None:
    """One line of a list of sessions."""
    if info.error:
        say(f"{info.name}: {info.error}")
        return
    cost = f", ${info.cost_usd:.4f}" if info.cost_usd else ""
    open_ = "; its last message has no reply yet" if info.answering else ""
    say(info.name, bold=True)
    say(
        f"  {counted(info.messages, 'message')} since {_day(info.begun)}, last used "
        f"{ago(info.last)}{cost}{open_}"
    )


def print_memory(core: Sequence[CoreBlock], summary: str | None) -> None:
    """Core memory and the summary: what stands in every prompt, and where it came from."""
    for block in core:
        say(block.name, bold=True, err=True)
        for line in block.lines:
            say(f"  {line.text}{_sources(line.sources)}", err=True)
        if not block.lines:
            say("  (empty)", err=True)
    if summary:
        say("summary of what left the window", bold=True, err=True)
        for text in summary.splitlines():
            say(f"  {text}", err=True)


def print_changes(changes: Sequence[MemoryChange]) -> None:
    """What was changed in memory, oldest first."""
    for change in changes:
        turn = f", {change.turn}" if change.turn else ""
        undone = " (undone)" if change.undone else ""
        say(f"{change.number}  {_moment(change.when)}  {change.cause}{turn}{undone}", bold=True)
        _print_diff(change.diff)
    if not changes:
        note("nothing was changed in memory yet")


def print_undone(change: MemoryChange) -> None:
    """What taking a change back has changed."""
    say(f"taken back, as change {change.number}:")
    _print_diff(change.diff)


def print_holdings(found: Forgetting) -> None:
    """What holds the words that are to be forgotten, and came from what does."""
    for holding in found.holdings:
        shown = f": {holding.shown}" if holding.shown else ""
        say(f"{holding.where} ({holding.why}){shown}", err=True)
    if not found.holdings:
        note(f"nothing that was said or remembered holds {found.what!r}")
    for name in found.summaries_anew:
        note(
            f"the summary of {name} goes with it; the next message there that needs one has it "
            "made anew from the turns that are left"
        )
    for document in found.documents:
        note(f"{document} holds it and stays; docpager forget {document.split()[0]} removes it")


def tell_forgotten(found: Forgetting) -> None:
    """That it was removed, and what is made anew without it."""
    note("removed; nothing brings it back")
    if found.summaries_anew:
        note(f"to be summed up anew: {', '.join(found.summaries_anew)}")


def _print_diff(diff: Sequence[str]) -> None:
    colours = {"+": "green", "-": "red", "~": "yellow"}
    for line in diff:
        for part, text in enumerate(line.splitlines()):
            say(f"   {'' if part == 0 else '  '}{text}", fg=colours.get(line[:1]))


def _sources(sources: Sequence[str]) -> str:
    return f" [{', '.join(sources)}]" if sources else ""


def _local(when: str) -> datetime:
    return datetime.fromisoformat(when).astimezone()


def _day(when: str) -> str:
    return f"{_local(when):%F}" if when else "an unknown day"


def _moment(when: str) -> str:
    return f"{_local(when):%F %H:%M}" if when else "at an unknown time"


def ago(when: str, *, now: datetime | None = None) -> str:
    """`just now`, `5 minutes ago`, `3 hours ago`, `yesterday`-like days, else the day.

    >>> noon = datetime(2026, 5, 2, 12, tzinfo=UTC)
    >>> ago("2026-05-02T09:30:00+00:00", now=noon), ago("2026-04-30T12:00:00+00:00", now=noon)
    ('2 hours ago', '2 days ago')
    """
    if not when:
        return "at an unknown time"
    seconds = ((now or datetime.now(UTC)) - datetime.fromisoformat(when)).total_seconds()
    if seconds < 60:
        return "just now"
    for size, unit, most in ((60, "minute", 60), (3_600, "hour", 24), (86_400, "day", 31)):
        if (count := int(seconds // size)) < most:
            return f"{counted(count, unit)} ago"
    return f"on {_day(when)}"
