"""Several processes at once, and processes that die at any point."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from docpager.memory.index import LONGEST_TAIL
from docpager.memory.store import MemoryStore
from docpager.testing import HashingEmbedder

ROOT = Path(__file__).parent.parent.parent

ADD = """
import sys
from docpager.memory.store import MemoryStore
from docpager.testing import HashingEmbedder
directory, name, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
with MemoryStore.open(directory, embedder=HashingEmbedder()) as store:
    for n in range(count):
        print(store.append(f"{name} says {n}", kind="note", who=name).id, flush=True)
"""

DIE = """
import os, sys
import faiss, pyarrow, tantivy
from docpager.memory.store import MemoryStore
from docpager.testing import HashingEmbedder

def dying(directory, work, left):
    def hook(event, arguments):
        nonlocal left
        if event == "docpager.durable":
            left -= 1
            if left < 0:
                os._exit(9)
    store = MemoryStore.open(directory, embedder=HashingEmbedder())
    sys.addaudithook(hook)
    if work == "append":
        print(store.append("the last straw", kind="turn", who="user").id, flush=True)
    else:
        print(store.forget([7]), flush=True)

for line in sys.stdin:
    directory, work, left = line.rstrip("\\n").split("\\t")
    child = os.fork()
    if child == 0:
        try:
            dying(directory, work, int(left))
        except BaseException:
            sys.excepthook(*sys.exc_info())
            os._exit(1)
        os._exit(0)
    print("ended", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
"""Opens a store and works in a process that dies, for each line of its input. What it needs is
imported once, and nothing more is done before it forks."""


def opened(directory):
    return MemoryStore.open(directory, embedder=HashingEmbedder())


def started(script, *arguments, **streams):
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        **streams,
    )


def test_processes_that_add_at_once_lose_nothing(tmp_path):
    each = LONGEST_TAIL * 2 // 3
    with opened(tmp_path / "memory") as store:
        adding = [started(ADD, tmp_path / "memory", name, each) for name in ("ann", "bob")]
        seen = 0
        while any(process.poll() is None for process in adding):
            # Somebody who reads meanwhile sees whole memories, and never fewer than before.
            found = [memory.id for memory in store.entries()]
            assert found == list(range(1, len(found) + 1))
            assert len(found) >= seen
            seen = len(found)
            store.search("says")
        told = [list(map(int, process.communicate()[0].split())) for process in adding]

        assert sorted(told[0] + told[1]) == list(range(1, 2 * each + 1))
        for name, ids in zip(("ann", "bob"), told, strict=True):
            assert [store.get(id).text for id in ids] == [f"{name} says {n}" for n in range(each)]
            assert store.search("says", who=name).by_words == each
        store.verify()


def deaths(directory, work, tmp_path):
    """Die before each write, fsync, rename and removal in turn, each time from the same store."""
    with started(DIE, stdin=subprocess.PIPE) as process:
        for left in range(100):
            copy = tmp_path / f"{work}-{left}"
            shutil.copytree(directory, copy)
            process.stdin.write(f"{copy}\t{work}\t{left}\n")
            process.stdin.flush()
            said = ""
            while not (line := process.stdout.readline()).startswith("ended "):
                assert line, "the process that forks has ended"
                said += line
            yield copy, said
            if line == "ended 0\n":
                process.stdin.close()
                return
            assert line == "ended 9\n"
    raise AssertionError("it never came to its end")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked")
@pytest.mark.parametrize("before", [20, LONGEST_TAIL - 1])
def test_a_process_that_dies_while_it_adds_loses_nothing_that_was_said(tmp_path, before):
    with opened(tmp_path / "memory") as store:
        for n in range(before):
            store.append(f"turn {n}", kind="turn", who="user")
    died = 0
    for copy, said in deaths(tmp_path / "memory", "append", tmp_path):
        died += 1
        with opened(copy) as store:
            texts = [memory.text for memory in store.entries()]
            assert texts[:before] == [f"turn {n}" for n in range(before)]
            assert texts[before:] in ([], ["the last straw"])
            assert not said or texts[before:]
            assert store.search("turn").by_words == before
            assert store.append("on it goes", kind="turn", who="user").id == len(texts) + 1
            store.verify()
    # Of a short tail only the line is written; of a full one a part and the index too.
    assert died > (2 if before == 20 else 15)


def holds(directory):
    return any(p.is_file() and b"xylophone" in p.read_bytes() for p in directory.rglob("*"))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked")
def test_a_process_that_dies_while_it_forgets_has_forgotten_all_or_nothing(tmp_path):
    with opened(tmp_path / "memory") as store:
        for n in range(LONGEST_TAIL + 5):
            store.append("xylophone" if n == 6 else f"turn {n}", kind="turn", who="user")
    outcomes = set()
    for copy, said in deaths(tmp_path / "memory", "forget", tmp_path):
        holding = holds(copy)
        with opened(copy) as store:
            there = [memory.text for memory in store.entries()]
            assert len(there) == LONGEST_TAIL + 5 - (not holding)
            assert store.search("xylophone").by_words == holding
            assert not said or not holding
            store.forget([7])
            store.verify()
        outcomes.add(holding)
        assert not holds(copy)
    assert outcomes == {True, False}
