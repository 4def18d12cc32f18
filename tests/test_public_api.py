"""The library as its users meet it: names, twins, paths as text, wrong types, event loops."""

from __future__ import annotations

import ast
import asyncio
import gc
import importlib
import inspect
import threading
import warnings
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest

import docpager
from docpager import Archive, ArchiveError, UsageError
from docpager.core.locators import parse_locator

QUESTION = "What did the bridge of Graz cost?"
TWINS = ("ask", "ask_many", "ingest", "resume")


@pytest.fixture(scope="module")
def docs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("docs")
    for n, town in enumerate(("Ulm", "Graz"), 2):
        (folder / f"{town}.txt").write_text(f"The bridge of {town} cost {n * 7} million dollars.")
    return folder


@pytest.fixture(scope="module")
def archive(docs, tmp_path_factory):
    """The place of an archive, as text."""
    place = str(tmp_path_factory.mktemp("archived") / "archive")
    docpager.ingest([str(docs)], place)
    return place


def imported_for_types() -> set[str]:
    tree = ast.parse(Path(docpager.__file__).read_text("utf-8"))
    return {
        alias.name
        for block in tree.body
        if isinstance(block, ast.If)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def test_every_public_name_is_exported_typed_and_there():
    names = set(docpager.__all__) - {"__version__"}

    assert names == imported_for_types()
    for name in names:
        assert getattr(docpager, name).__name__ == name
    assert sorted(docpager.__all__) == sorted(dir(docpager))


def test_what_the_library_defines_for_its_users_is_exported():
    for module in (
        "docpager.api.ask",
        "docpager.api.ask_many",
        "docpager.core.settings",
        "docpager.core.errors",
    ):
        internal = {
            "ask_prepared", "bring_up_to_date", "check_asked_with", "check_dollars", "in_use",
            "prepared_from", "batch_session", "bounded", "estimate_many", "own_files",
            "AttemptFailed", "ContextExceeded", "FunctionError", "resume_watched",
        }  # fmt: skip
        made = {name for name in importlib.import_module(module).__all__ if not name.isupper()}
        assert made - internal <= set(docpager.__all__), module


@pytest.mark.parametrize("name", TWINS)
def test_each_function_has_an_async_twin_with_the_same_arguments(name):
    sync, twin = getattr(docpager, name), getattr(docpager, f"{name}_async")

    assert not inspect.iscoroutinefunction(sync)
    assert inspect.iscoroutinefunction(twin)
    assert inspect.signature(sync) == inspect.signature(twin)


def test_paths_may_be_text(docs, archive, tmp_path):
    journal = str(tmp_path / "run.jsonl")

    assert docpager.ingest(str(docs), archive).unchanged == 2
    assert docpager.ingest([docs, f"{docs}/Ulm.txt"], Path(archive)).unchanged == 2
    line = docpager.ask(QUESTION, str(docs), model="extractive", archive=archive, journal=journal)
    assert line.answer == "21 million dollars"
    assert docpager.resume(journal, archive=archive) == line
    with Archive.open(archive) as opened:
        assert len(opened.documents_under([str(docs)])) == 2
        assert len(opened.documents_under(f"{docs}/Graz.txt")) == 1
        assert opened.documents_named("D1") == [1]


def test_locators_may_be_text(archive):
    with Archive.open(archive) as opened:
        assert opened.load("D1:c1") == opened.load(parse_locator("D1:c1"))
        assert opened.resolve("D1") == opened.resolve(parse_locator("D1"))
        with pytest.raises(UsageError, match="'page one' is not a locator; write D3"):
            opened.load("page one")
        with pytest.raises(UsageError, match="a locator must be a str, not an int"):
            opened.load(3)  # type: ignore[arg-type]


def test_an_archive_is_closed_at_the_end_of_its_block(archive):
    with Archive.open(archive) as opened:
        assert opened.search("bridge").hits

    assert len(opened.documents()) == 2
    for read in (
        lambda: opened.load("D1"),
        lambda: opened.text(1),
        lambda: opened.search("bridge"),
        lambda: opened.search("bridge", documents=[1]),
        lambda: opened.grep("bridge"),
        lambda: opened.sections(1),
    ):
        with pytest.raises(ArchiveError, match="was closed; open it again"):
            read()
    opened.close()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"archive": 5}, "archive must be a path, as a str or a Path, not an int"),
        ({"archive": b"x"}, "archive must be a path, as a str or a Path, not a bytes"),
        ({"journal": 5}, "journal must be a path, .*, not an int"),
        ({"prices": 5}, "prices must be a path, .*, not an int"),
        (
            {"paging": {"window": 8000}},
            r"paging must be a docpager.PagingSettings, not a dict; "
            r"write paging=docpager.PagingSettings\(window=8000\)$",
        ),
        ({"paging": {"windows": 8}}, r"write paging=docpager.PagingSettings\(window=8000\)$"),
        ({"paging": 8000}, "paging must be a docpager.PagingSettings, not an int"),
        (
            {"limits": {"max_usd": 0.25, "max_steps": 9}},
            r"write limits=docpager.RunLimits\(max_usd=0.25, max_steps=9\)$",
        ),
    ],
)
def test_arguments_of_a_wrong_type_are_refused_in_one_sentence(docs, given, message, tmp_path):
    asked = {"model": "extractive", "archive": tmp_path / "archive", **given}
    with pytest.raises(UsageError, match=message):
        docpager.ask(QUESTION, docs, **asked)
    if "journal" not in given:
        with pytest.raises(UsageError, match=message):
            docpager.ask_many([QUESTION], docs, **asked)


def test_other_wrong_types_are_refused_too(docs, archive, tmp_path):
    with pytest.raises(UsageError, match="question must be a str, not a list"):
        docpager.ask([QUESTION], docs, archive=archive)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=r"each of paths must be a path, .*, not a list"):
        docpager.ask(QUESTION, [docs], model="extractive", archive=archive)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=r"write driving=docpager.BatchSettings\(concurrency=2\)"):
        docpager.ask_many([QUESTION], model="extractive", driving={"concurrency": 2})  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=r"write reading=docpager.ReadingSettings\(exclude="):
        docpager.ingest(docs, archive, reading="*.log")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="paths must be a list of paths, not None"):
        docpager.ingest(None, archive)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="directory must be a path"):
        Archive.open(None)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="journal must be a path"):
        docpager.resume(None)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: docpager.PagingSettings(window="8000"),
            "window must be a whole number",
        ),
        (lambda: docpager.PagingSettings(window=8e3), "window must be a whole number, not 8000.0"),
        (lambda: docpager.PagingSettings(warn_at="0.7"), "warn_at must be a number, not '0.7'"),
        (lambda: docpager.RunLimits(max_usd="1"), "max_usd must be a number, not '1'"),
        (lambda: docpager.RunLimits(max_steps=True), "max_steps must be a whole number, not True"),
        (lambda: docpager.BatchSettings(concurrency="8"), "concurrency must be a whole number"),
    ],
)
def test_settings_refuse_what_is_no_number(make, message):
    with pytest.raises(UsageError, match=message):
        make()


def in_a_loop(what: Coroutine[Any, Any, Any]) -> Any:
    """Run in an event loop, where a coroutine that nobody awaits is an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = asyncio.run(what)
        gc.collect()
    return result


@pytest.mark.parametrize(
    ("name", "arguments"),
    [("ask", (QUESTION,)), ("ask_many", ([QUESTION],)), ("resume", ("run.jsonl",))],
)
def test_inside_an_event_loop_the_async_twin_is_named(name, arguments):
    async def notebook() -> None:
        with pytest.raises(UsageError, match=rf"`await docpager\.{name}_async\(\.\.\.\)`"):
            getattr(docpager, name)(*arguments)

    in_a_loop(notebook())


@pytest.mark.parametrize("name", ["ask", "ask_many"])
def test_the_twins_ingest_beside_whatever_else_runs_in_the_loop(docs, tmp_path, monkeypatch, name):
    ingest = importlib.import_module("docpager.api.ask").bring_up_to_date
    others_ran, threads, here = threading.Event(), [], threading.current_thread()

    def slowly(*arguments: Any, **named: Any) -> None:
        threads.append(threading.current_thread())
        assert others_ran.wait(20), "the loop stood still"
        ingest(*arguments, **named)

    for module in ("docpager.api.ask", "docpager.api.ask_many"):
        monkeypatch.setattr(f"{module}.bring_up_to_date", slowly)
    question = [QUESTION] if name == "ask_many" else QUESTION
    given: dict[str, Any] = {"model": "extractive", "archive": tmp_path / "archive"}

    async def program() -> None:
        asking = asyncio.ensure_future(getattr(docpager, f"{name}_async")(question, docs, **given))
        while not threads:
            await asyncio.sleep(0.01)
        others_ran.set()
        await asking

    in_a_loop(program())
    assert threads.pop() is not here
    # Where nothing else runs it stays where Ctrl-C ends it.
    getattr(docpager, name)(question, docs, **given)
    assert threads == [here]


def test_inside_an_event_loop_the_twins_answer(docs, tmp_path):
    archive, journal = str(tmp_path / "archive"), str(tmp_path / "run.jsonl")
    with_reader: dict[str, Any] = {"model": "extractive", "archive": archive}

    async def notebook() -> None:
        report = await docpager.ingest_async(str(docs), archive)
        assert report.new == 2
        line = await docpager.ask_async(QUESTION, journal=journal, **with_reader)
        assert line.answer == "21 million dollars"
        assert await docpager.resume_async(journal, archive=archive) == line
        answers = await docpager.ask_many_async([QUESTION], **with_reader)
        assert [each.answer for each in answers.lines] == [line.answer]

    in_a_loop(notebook())
