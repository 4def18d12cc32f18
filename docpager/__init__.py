"""docpager answers questions over documents far larger than a context window.

Files become documents and passages (`documents`); passages live in an archive on disk (`archive`);
a run moves them in and out of a small main context (`paging`) while a model searches, reads and
takes notes until it answers (`answering`); every quote is looked up before it is called a citation.

    import docpager

    line = docpager.ask("What did the line cost?", "reports/", model="claude-sonnet-5-5")
    print(line.answer, [(c.document, c.pdf_page, c.quote) for c in line.citations])
"""

from typing import TYPE_CHECKING, Any

from docpager.version import __version__

if TYPE_CHECKING:
    from docpager.answering.answer_line import AnswerLine, Citation
    from docpager.api import ask, ask_async, resume
    from docpager.archive.archive import Archive
    from docpager.archive.ingest import ingest
    from docpager.archive.report import IngestReport
    from docpager.batch.settings import BatchSettings
    from docpager.errors import DocpagerError
    from docpager.llm.chat import ChatModel, ModelReply, ModelRequest, ToolCall
    from docpager.many import ManyAnswers, ask_many
    from docpager.settings import PagingSettings, RunLimits

_HOMES = {
    "AnswerLine": "docpager.answering.answer_line",
    "Archive": "docpager.archive.archive",
    "BatchSettings": "docpager.batch.settings",
    "ChatModel": "docpager.llm.chat",
    "Citation": "docpager.answering.answer_line",
    "DocpagerError": "docpager.errors",
    "IngestReport": "docpager.archive.report",
    "ManyAnswers": "docpager.many",
    "ModelReply": "docpager.llm.chat",
    "ModelRequest": "docpager.llm.chat",
    "PagingSettings": "docpager.settings",
    "RunLimits": "docpager.settings",
    "ToolCall": "docpager.llm.chat",
    "ask": "docpager.api",
    "ask_async": "docpager.api",
    "ask_many": "docpager.many",
    "ingest": "docpager.archive.ingest",
    "resume": "docpager.api",
}

__all__ = [
    "AnswerLine",
    "Archive",
    "BatchSettings",
    "ChatModel",
    "Citation",
    "DocpagerError",
    "IngestReport",
    "ManyAnswers",
    "ModelReply",
    "ModelRequest",
    "PagingSettings",
    "RunLimits",
    "ToolCall",
    "__version__",
    "ask",
    "ask_async",
    "ask_many",
    "ingest",
    "resume",
]


def __getattr__(name: str) -> Any:
    """Load a public name where it is first used: `import docpager` itself loads nothing."""
    if name not in _HOMES:
        raise AttributeError(f"module 'docpager' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
