"""What can go wrong, and who has to mend it.

DocpagerError           the user must correct something; reaches the terminal as one sentence
  + UsageError          a wrong setting: window too small, question too long, bad locator
  + DocumentError       a file cannot be read
  + ArchiveError        missing, damaged, or built otherwise
  + JournalError        a journal that is damaged, or belongs to another archive
  + ModelError          the model refused or failed after retries
FunctionError           the model must correct something; becomes a function result
"""

__all__ = [
    "ArchiveError",
    "DocpagerError",
    "DocumentError",
    "FunctionError",
    "JournalError",
    "ModelError",
    "UsageError",
]


class DocpagerError(Exception):
    """Anything the user can correct; the message says what, where and what next."""

    exit_code = 1


class UsageError(DocpagerError):
    """A wrong setting or argument."""

    exit_code = 2


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


class ModelError(DocpagerError):
    """A model that refused or failed after retries."""


class FunctionError(Exception):
    """Something the model can correct; shown to the model, never to the user."""
