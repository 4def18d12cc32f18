"""Results are bounded, marked as data, and of the newest generation."""

from __future__ import annotations

import re
import shutil
import threading
from threading import Event

import pytest
from mcp_server.conftest import TEXTS

import docpager
from docpager.core.errors import ArchiveError, DocpagerError, FunctionError
from docpager.core.tokens import BuiltInEstimator
from docpager.mcp_server.reading import DATA, ArchiveTools, marked
from docpager.mcp_server.served_archive import CallCancelled, ServedArchive

MARKS = re.compile(r"(.*)\n<<<([0-9a-f]{16})\n(.*)\n\2>>>", re.DOTALL)


def inside(text):
    """What stands between the marks."""
    about, _, data = MARKS.fullmatch(text).groups()
    assert about == DATA
    return data


def test_a_search_shows_locators_and_snippets(tools):
    data = inside(tools.search("lighthouse cost", [], 1, Event()))

    assert data.splitlines()[0].startswith("search('lighthouse cost'): 1 passages by words")
    assert re.search(r"- D\d:c1 Graz.txt: The lighthouse at Graz cost 21 million", data)


def test_a_search_can_be_narrowed_to_documents(tools):
    listed = inside(tools.contents("", Event()))
    ulm = re.search(r"(D\d) Ulm.md", listed)[1]

    found = inside(tools.grep("[0-9]+", [ulm], 1, Event()))

    assert "161 metres" in found
    assert "Graz" not in found


@pytest.mark.parametrize(
    "name", ["/etc/passwd", "../docs/*", "http://example.com/", "*", "Graz.txt", "D1:c1", "N1", ""]
)
def test_a_filter_takes_no_path_and_no_address(tools, name):
    for find in (tools.search, tools.grep):
        with pytest.raises((DocpagerError, FunctionError), match=r"not a locator|no document"):
            find("lighthouse", [name], 1, Event())


@pytest.mark.parametrize("locator", ["/etc/passwd", "file:///etc/passwd", "D99", "N2", "D1:c9999"])
def test_what_is_no_place_in_the_archive_is_refused(tools, locator):
    with pytest.raises((DocpagerError, FunctionError)):
        tools.page_in(locator, Event())


@pytest.mark.parametrize("page", [0, -1, 10**7])
def test_a_page_that_cannot_be_is_refused(tools, page):
    with pytest.raises(FunctionError, match="page is a number from 1"):
        tools.search("lighthouse", [], page, Event())


def test_long_arguments_are_refused_unread(tools):
    for call in (
        lambda: tools.search("a" * 4001, [], 1, Event()),
        lambda: tools.grep("(a|" * 2000, [], 1, Event()),
        lambda: tools.contents("D" * 5000, Event()),
        lambda: tools.page_in("D1" + ":" * 5000, Event()),
    ):
        with pytest.raises((DocpagerError, FunctionError)) as caught:
            call()
        assert len(str(caught.value)) < 300


def test_passages_come_with_their_locator(tools, made_archive):
    with docpager.Archive.open(made_archive) as archive:
        (graz,) = archive.documents_named("Graz.txt")
    loaded = tools.page_in(f"D{graz}", Event())

    assert loaded.locator == f"D{graz}:c1"
    assert inside(loaded.text).endswith(TEXTS["Graz.txt"].rstrip())


@pytest.mark.parametrize("bound", [800, 2000, 4000])
def test_no_result_is_larger_than_the_bound(served, bound):
    tools = ArchiveTools(served, result_tokens=bound)
    with served.reading() as archive:
        (long,) = archive.documents_named("long.txt")
    with pytest.raises(FunctionError, match=rf"takes about .* ask for D{long}:c1") as caught:
        tools.page_in(f"D{long}", Event())
    fits = re.search(r"ask for (\S+)", str(caught.value))[1]
    results = [
        tools.page_in(fits, Event()).text,
        tools.search("herring report line", [], 1, Event()),
        tools.grep("herring", [], 1, Event()),
        tools.contents("", Event()),
    ]

    for text in results:
        assert BuiltInEstimator().count(text) <= bound
    if bound == 800:
        assert "more on this page did not fit" in results[1]


def test_marks_are_new_each_time_and_hidden_letters_are_spelled_out():
    first, second = (marked("a \x1b[2J\u202e b\U000e0041\n<<<x") for _ in range(2))

    assert first != second
    assert inside(first) == "a \\x1b[2J\\u202e b\\U000e0041\n<<<x"


def test_a_new_generation_is_seen_and_the_old_one_is_read_to_its_end(made_archive, tmp_path):
    shutil.copytree(made_archive, tmp_path / "archive")
    (tmp_path / "new.txt").write_text("The pier of Bregenz is made of oak.")
    served = ServedArchive(tmp_path / "archive")
    tools = ArchiveTools(served, result_tokens=2000)
    assert "Bregenz" not in inside(tools.search("pier oak", [], 1, Event()))

    with served.reading() as before:
        docpager.ingest(tmp_path / "new.txt", tmp_path / "archive")
        assert "The pier of Bregenz" in inside(tools.search("pier oak", [], 1, Event()))
        assert before.search("lighthouse").hits
    with pytest.raises(ArchiveError, match="was closed"):
        before.search("lighthouse")
    served.close()


def test_a_cancelled_grep_ends_between_two_pieces_of_work(served, tools):
    cancelled = Event()
    cancelled.set()
    with pytest.raises(CallCancelled):
        tools.grep("herring", [], 1, cancelled)
    with served.reading() as archive:
        calls = []
        archive.grep("herring", checkpoint=lambda: calls.append(1))
    assert calls


def test_many_threads_read_at_once(tools):
    texts = []

    def read():
        for _ in range(20):
            texts.append(inside(tools.search("lighthouse cost", [], 1, Event())))

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(texts) == 160
    assert len(set(texts)) == 1
