"""What can go wrong, and who has to mend it.

A message says in backticks what to set, as one writes it in Python: `max_usd=0.5`. The command line
puts its own options there (`docpager.cli.terminal`), so nothing here knows how they are spelled.
What a program may want to act on is a field, not prose.

DocpagerError           the user must correct something; reaches the terminal as one sentence
  + UsageError          a wrong setting: a bad locator, no such model
    - UnknownMemory       no memory of that number, or one that was forgotten
    - WindowTooSmall    a window that cannot hold the question and a passage; names the smallest
  + DocumentError       a file cannot be read
  + ArchiveError        missing, damaged, or built otherwise
  + JournalError        a journal that is damaged, or belongs to another archive
  + ModelError          the model refused or failed after retries
    - AttemptFailed     one attempt failed; another may succeed
    - ContextExceeded   the prompt is larger than the context its server has
    - LimitReached      the next call could cost more than is left
FunctionError           the model must correct something; becomes a function result
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from docpager.core.locations import ObjectPath

__all__ = [
    "ArchiveError",
    "AttemptFailed",
    "ChatError",
    "ContextExceeded",
    "DocpagerError",
    "DocumentError",
    "DocumentsChanged",
    "FunctionError",
    "JournalError",
    "LimitReached",
    "MemoryLimitReached",
    "MemoryStoreError",
    "ModelError",
    "SessionLocked",
    "StorageError",
    "UnknownMemory",
    "UsageError",
    "WindowTooSmall",
]


class DocpagerError(Exception):
    """Anything the user can correct; the message says what, where and what next."""

    exit_code = 1

    def __reduce__(self) -> tuple[Any, ...]:
        # Python's own way calls the class with the message alone, which fails where there are
        # fields: an error from a worker process would then break the pool instead of arriving.
        return _restored, (type(self), self.args, self.__dict__)


def _restored(
    kind: type[DocpagerError], args: tuple[Any, ...], fields: dict[str, Any]
) -> DocpagerError:
    error = kind.__new__(kind, *args)
    error.__dict__.update(fields)
    return error


class UsageError(DocpagerError):
    """A wrong setting or argument."""

    exit_code = 2


class WindowTooSmall(UsageError):
    """A window that cannot hold the question, the document map and a passage beside a reply."""

    def __init__(self, message: str, *, window: int, smallest: int, max_output: int) -> None:
        super().__init__(message)
        self.window = window
        """Tokens that were asked for."""
        self.smallest = smallest
        """Tokens of the smallest window that would do, with the same `max_output`."""
        self.max_output = max_output
        """Tokens reserved for a reply."""


class DocumentError(DocpagerError):
    """A file that cannot be read."""

    def __init__(self, message: str, reason: str = "not read") -> None:
        super().__init__(message)
        self.reason = reason
        """A word or two for a report: `encrypted`, `damaged`, `timed out`, ..."""


class ArchiveError(DocpagerError):
    """An archive that is missing, damaged, or built otherwise."""


class JournalError(DocpagerError):
    """A journal that is damaged, or belongs to another archive."""


class StorageError(DocpagerError):
    """Object storage that refuses, or does not answer; the message names the bucket and the key."""


class DocumentsChanged(JournalError):
    """Documents that a run has read are not what they were."""

    def __init__(self, documents: Sequence[str], journal: Path | ObjectPath) -> None:
        what = f"{', '.join(documents)} changed since the run in {journal} read them"
        super().__init__(f"{what}; ask again, or pass `on_new_archive=True` to continue anyway")
        self.what = what
        """The message without the advice, which depends on who asks."""
        self.documents = tuple(documents)
        """Their names, as in D3."""
        self.journal = journal


class ChatError(DocpagerError):
    """A chat's session that is damaged, or cannot be written."""


class SessionLocked(ChatError):
    """Another process has a chat's session open."""

    def __init__(self, session: str, holder: tuple[int, str] | None) -> None:
        named = "another process" if holder is None else f"process {holder[0]} on {holder[1]}"
        super().__init__(
            f"session {session!r} is open in {named}; close it there, or open another one"
        )
        self.session = session
        self.holder = holder
        """Process id and host of who has it; None where it has not said who it is."""


class UnknownMemory(UsageError):
    """A number that no memory has, or one that was forgotten."""

    def __init__(self, message: str, *, forgotten: bool) -> None:
        super().__init__(message)
        self.forgotten = forgotten
        """Whether there was one."""


class MemoryStoreError(DocpagerError):
    """A store of memories that is missing, damaged, or cannot be written."""


class MemoryLimitReached(MemoryStoreError):
    """A store of memories is full."""

    def __init__(self, message: str, *, limit: str, most: int) -> None:
        super().__init__(message)
        self.limit = limit
        """`max_entries`, `max_bytes` or `max_text`."""
        self.most = most
        """What it allows, in entries, bytes or characters."""


class ModelError(DocpagerError):
    """A model that refused or failed after retries."""


class AttemptFailed(ModelError):
    """One attempt at a model's reply failed; says what to do about it."""

    def __init__(
        self,
        message: str,
        *,
        retryable: bool,
        may_be_billed: bool,
        after_seconds: float | None = None,
        slows_all: bool = False,
        loading: bool = False,
        unread: bool = False,
    ) -> None:
        super().__init__(message)
        self.retryable = retryable
        self.may_be_billed = may_be_billed
        """True where the server may have done the work (a time-out, a stream that broke)."""
        self.after_seconds = after_seconds
        """How long the server asked to wait."""
        self.slows_all = slows_all
        """Whether everybody who uses the same key should wait, not this call alone."""
        self.loading = loading
        """Whether the server is loading its model: it is waited for as long as that takes."""
        self.unread = unread
        """Whether a connection that had been used before ended without a byte: the server closed
        it while it was idle, and has most likely not read the request."""


class ContextExceeded(ModelError):
    """A prompt is larger than the context that its server has; sending it again changes nothing."""

    def __init__(
        self, message: str, *, prompt_tokens: int | None = None, context: int | None = None
    ) -> None:
        super().__init__(message)
        self.prompt_tokens = prompt_tokens
        """Tokens of the refused prompt by the server's count; None where it does not say."""
        self.context = context
        """Tokens of the server's context; None where it does not say."""


class LimitReached(ModelError):
    """The next call could cost more than is left of a limit on tokens or dollars."""

    def __init__(
        self,
        message: str,
        *,
        limits: Sequence[str] = (),
        needed: float | None = None,
        left: float | None = None,
        shared: bool = False,
    ) -> None:
        super().__init__(message)
        self.limits = tuple(limits)
        """Which limits: `max_usd` or `max_tokens`, or both."""
        self.needed = needed
        """What the next call could take, in dollars or tokens; None where it is not known."""
        self.left = left
        """What is left of the limit, in the same unit; None where it is not known."""
        self.shared = shared
        """Whether it is the limit of a whole batch, not the run's own."""

    @property
    def limit(self) -> str:
        """`max_tokens` or `max_usd`; empty where it is not one of them alone."""
        return self.limits[0] if len(self.limits) == 1 else ""


class FunctionError(Exception):
    """Something the model can correct; shown to the model, never to the user."""
