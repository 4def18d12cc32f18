"""A journal keeps the order in which a model wrote its arguments."""

from __future__ import annotations

import asyncio

from toy_library import ToyLibrary, toy_document

from docpager.models.scripted import ScriptedModel, call, reply
from docpager.run.service import ask_archive, open_replay


def test_arguments_in_any_order_replay_to_the_same_requests(tmp_path):
    library = ToyLibrary(toy_document("alpha beta gamma. " * 200), directory=tmp_path)
    script = [
        reply(call("search", query="beta", page=1, documents=["D1"])),
        reply(call("page_in", locator="D1:c1", pin=True)),
        reply(call("write_note", text="noted", sources=["D1:c1"])),
        *[reply(call("page_in", locator=f"D1:c{n}")) for n in range(2, 4)],
        reply(call("answer", text="x", found=False, citations=[])),
    ]
    line = asyncio.run(ask_archive("what?", library, ScriptedModel(*script)))

    run = open_replay(tmp_path / "runs" / line.journal.rpartition("/")[2]).finish()

    assert run.outcome.status == "abstained"
    assert "search(beta, 1, " in run.context.log.entries[0].call
