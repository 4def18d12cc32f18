"""docpager answers questions over documents far larger than a context window.

Files become documents and passages (`documents`); passages live in an archive on disk (`archive`);
a run moves them in and out of a small main context (`paging`) while a model searches, reads and
takes notes until it answers (`run`); every quote is looked up before it is called a citation.

    import docpager

    line = docpager.ask("What did the line cost?", "reports/", model="claude-sonnet-5-5")
    print(line.answer, [(str(c.place), c.quote) for c in line.citations])

`Chat` talks over many sessions, about documents and about what was said before.

`ask`, `ask_many`, `ingest` and `resume` have async twins that take the same arguments: `ask_async`,
`ask_many_async`, `ingest_async` and `resume_async`. What can go wrong is a `DocpagerError`, whose
message says what to do. No function reads a configuration file: those are for the command line.
"""

from typing import TYPE_CHECKING, Any

from docpager.version import __version__

if TYPE_CHECKING:
    from docpager.api.ask import ask, ask_async, ingest, ingest_async, resume, resume_async
    from docpager.api.ask_many import ManyAnswers, ask_many, ask_many_async
    from docpager.api.chat import Chat, chat_sessions
    from docpager.archive.archive import Archive
    from docpager.archive.embedders.base import Embedder
    from docpager.archive.ingest_files import ReadingSettings
    from docpager.archive.ingest_report import IngestReport
    from docpager.archive.ingest_session import IngestProgress
    from docpager.archive.integrity import Repaired, repair
    from docpager.batch.settings import BatchSettings
    from docpager.chat.changes import MemoryChange
    from docpager.chat.forgetting import Forgetting
    from docpager.chat.home import SessionInfo
    from docpager.chat.replies import ChatReply
    from docpager.core.errors import (
        ArchiveError,
        ChatError,
        DocpagerError,
        DocumentError,
        DocumentsChanged,
        JournalError,
        LimitReached,
        MemoryLimitReached,
        MemoryStoreError,
        ModelError,
        SessionLocked,
        StorageError,
        UnknownMemory,
        UsageError,
        WindowTooSmall,
    )
    from docpager.core.places import Place
    from docpager.core.settings import ChatSettings, PagingSettings, RunLimits
    from docpager.engines.engine import EngineError
    from docpager.memory.entries import Memory
    from docpager.models.messages import ChatModel, ModelReply, ModelRequest, ToolCall, Usage
    from docpager.run.answer_line import AnswerLine, Citation
    from docpager.storage.writer_lock import ArchiveLocked

_HOMES = {
    "AnswerLine": "docpager.run.answer_line",
    "Archive": "docpager.archive.archive",
    "ArchiveError": "docpager.core.errors",
    "ArchiveLocked": "docpager.storage.writer_lock",
    "BatchSettings": "docpager.batch.settings",
    "Chat": "docpager.api.chat",
    "ChatError": "docpager.core.errors",
    "ChatReply": "docpager.chat.replies",
    "ChatSettings": "docpager.core.settings",
    "Memory": "docpager.memory.entries",
    "MemoryChange": "docpager.chat.changes",
    "SessionInfo": "docpager.chat.home",
    "SessionLocked": "docpager.core.errors",
    "chat_sessions": "docpager.api.chat",
    "Forgetting": "docpager.chat.forgetting",
    "ChatModel": "docpager.models.messages",
    "Citation": "docpager.run.answer_line",
    "DocpagerError": "docpager.core.errors",
    "DocumentError": "docpager.core.errors",
    "DocumentsChanged": "docpager.core.errors",
    "Embedder": "docpager.archive.embedders.base",
    "EngineError": "docpager.engines.engine",
    "IngestReport": "docpager.archive.ingest_report",
    "JournalError": "docpager.core.errors",
    "LimitReached": "docpager.core.errors",
    "ManyAnswers": "docpager.api.ask_many",
    "MemoryLimitReached": "docpager.core.errors",
    "MemoryStoreError": "docpager.core.errors",
    "ModelError": "docpager.core.errors",
    "ModelReply": "docpager.models.messages",
    "ModelRequest": "docpager.models.messages",
    "PagingSettings": "docpager.core.settings",
    "Place": "docpager.core.places",
    "IngestProgress": "docpager.archive.ingest_session",
    "ReadingSettings": "docpager.archive.ingest_files",
    "Repaired": "docpager.archive.integrity",
    "RunLimits": "docpager.core.settings",
    "StorageError": "docpager.core.errors",
    "ToolCall": "docpager.models.messages",
    "UnknownMemory": "docpager.core.errors",
    "Usage": "docpager.models.messages",
    "UsageError": "docpager.core.errors",
    "WindowTooSmall": "docpager.core.errors",
    "ask": "docpager.api.ask",
    "ask_async": "docpager.api.ask",
    "ask_many": "docpager.api.ask_many",
    "ask_many_async": "docpager.api.ask_many",
    "ingest": "docpager.api.ask",
    "ingest_async": "docpager.api.ask",
    "repair": "docpager.archive.integrity",
    "resume": "docpager.api.ask",
    "resume_async": "docpager.api.ask",
}

__all__ = [
    "AnswerLine",
    "Archive",
    "ArchiveError",
    "ArchiveLocked",
    "BatchSettings",
    "Chat",
    "ChatError",
    "ChatModel",
    "ChatReply",
    "ChatSettings",
    "Citation",
    "DocpagerError",
    "DocumentError",
    "DocumentsChanged",
    "Embedder",
    "EngineError",
    "Forgetting",
    "IngestProgress",
    "IngestReport",
    "JournalError",
    "LimitReached",
    "ManyAnswers",
    "Memory",
    "MemoryChange",
    "MemoryLimitReached",
    "MemoryStoreError",
    "ModelError",
    "ModelReply",
    "ModelRequest",
    "PagingSettings",
    "Place",
    "ReadingSettings",
    "Repaired",
    "RunLimits",
    "SessionInfo",
    "SessionLocked",
    "StorageError",
    "ToolCall",
    "UnknownMemory",
    "Usage",
    "UsageError",
    "WindowTooSmall",
    "__version__",
    "ask",
    "ask_async",
    "ask_many",
    "ask_many_async",
    "chat_sessions",
    "ingest",
    "ingest_async",
    "repair",
    "resume",
    "resume_async",
]


def __getattr__(name: str) -> Any:
    """Load a public name where it is first used: `import docpager` itself loads nothing."""
    if name not in _HOMES:
        raise AttributeError(f"module 'docpager' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
