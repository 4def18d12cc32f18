"""A small archive that is served, in this process or by another."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest

import docpager
from docpager.mcp_server.agents import AgentTokens
from docpager.mcp_server.asking import Asking
from docpager.mcp_server.reading import ArchiveTools
from docpager.mcp_server.served_archive import ServedArchive
from docpager.mcp_server.spaces import SPACE_LIMITS, Spaces
from docpager.testing import HashingEmbedder

TEXTS = {
    "Graz.txt": "The lighthouse at Graz cost 21 million dollars.\n\nIt was painted blue in 1987.\n",
    "Ulm.md": "# Ulm\n\nThe minster of Ulm is 161 metres high.\n",
    "long.txt": "".join(f"Line {n} of a long report on herring.\n\n" for n in range(2000)),
}

EACH_TOOL = (
    ("search", {"query": "lighthouse"}),
    ("grep", {"pattern": "2[0-9] million"}),
    ("contents", {}),
    ("page_in", {"locator": "D1"}),
    ("remember", {"text": "21 million", "sources": ["D1:c1"]}),
    ("recall", {"query": "million"}),
    ("ask", {"question": "What did the lighthouse cost?"}),
)
"""A call of each tool that the archive answers."""


@pytest.fixture(scope="session")
def made_archive(tmp_path_factory):
    """Nobody changes it."""
    home = tmp_path_factory.mktemp("served")
    (home / "docs").mkdir()
    for name, text in TEXTS.items():
        (home / "docs" / name).write_text(text, encoding="utf-8")
    docpager.ingest(home / "docs", home / "archive", embedder="hashing")
    return home / "archive"


@pytest.fixture
def served(made_archive):
    served = ServedArchive(made_archive)
    yield served
    served.close()


@pytest.fixture
def tools(served):
    return ArchiveTools(served, result_tokens=2000)


@pytest.fixture
def spaces(tmp_path):
    spaces = Spaces(tmp_path / "spaces", embedder=HashingEmbedder(), limits=SPACE_LIMITS)
    yield spaces
    spaces.close()


@pytest.fixture
def build(served, tools, spaces):
    """Makes a server in this process; `prepared` is a model to ask."""
    from docpager.mcp_server.server import build_server

    def build(prepared=None, **settings):
        asking = Asking(served, prepared) if prepared else None
        return build_server(tools, spaces=spaces, result_tokens=2000, asking=asking, **settings)

    return build


@asynccontextmanager
async def connected(server, *, legacy=False, **settings):
    from mcp import Client

    async with Client(server, **({"mode": "legacy"} if legacy else {}), **settings) as client:
        yield client


def run(work):
    return asyncio.run(asyncio.wait_for(work, 120))


def text_of(result):
    """What a model reads of a result."""
    parts = [getattr(part, "resource", part).text for part in result.content]
    return "\n".join(parts)


def tokens_for(*names):
    return AgentTokens({name: f"{name:x<40}" for name in names})
