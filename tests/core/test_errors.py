"""Errors carry their facts as fields, and survive the way out of a worker process."""

from __future__ import annotations

import os
import pickle
import socket
from pathlib import Path

import pytest
from toy_library import ToyLibrary, toy_document

from docpager.core.errors import (
    AttemptFailed,
    DocpagerError,
    DocumentError,
    DocumentsChanged,
    LimitReached,
    WindowTooSmall,
)
from docpager.core.settings import PagingSettings
from docpager.core.tokens import BuiltInEstimator
from docpager.models.budget import Budget, Cost
from docpager.run.plan import plan_run
from docpager.storage.writer_lock import ArchiveLocked, writer_lock

LIBRARY = ToyLibrary(toy_document("The bridge of Graz cost 21 million dollars."))


def refused(question: str, window: int) -> WindowTooSmall:
    with pytest.raises(WindowTooSmall) as refusal:
        plan(question, window)
    return refusal.value


def plan(question: str, window: int) -> None:
    paging = PagingSettings(window=window, max_output=300)
    plan_run(question, LIBRARY.documents(), counter=BuiltInEstimator(), paging=paging)


@pytest.mark.parametrize(("question", "window"), [("Why?", 1_000), ("why " * 9_000, 32_000)])
def test_a_window_that_is_too_small_names_the_smallest(question, window):
    error = refused(question, window)

    assert (error.window, error.max_output, error.exit_code) == (window, 300, 2)
    assert f"`window={error.smallest}`" in str(error)
    plan(question, error.smallest)
    assert refused(question, error.smallest - 1).smallest == error.smallest


def test_a_limit_says_which_it_is_and_what_is_left():
    spending = Budget(max_tokens=1_000, max_usd=0.5)
    spending.settle(spending.reserve(Cost(600, 0.1)), Cost(600, 0.1))

    with pytest.raises(LimitReached) as tokens:
        spending.reserve(Cost(500, 0.1))
    with pytest.raises(LimitReached) as dollars:
        spending.reserve(Cost(100, 0.45))
    with pytest.raises(LimitReached) as unpriced:
        spending.reserve(Cost(100, None))

    assert (tokens.value.limits, tokens.value.needed, tokens.value.left) == (
        ("max_tokens",), 500, 400,
    )  # fmt: skip
    assert (dollars.value.limits, dollars.value.needed) == (("max_usd",), 0.45)
    assert dollars.value.left == pytest.approx(0.4)
    assert (unpriced.value.limits, unpriced.value.needed) == (("max_usd",), None)


def test_changed_documents_are_named():
    error = DocumentsChanged(["D3", "D7"], Path("run.jsonl"))

    assert (error.documents, error.journal) == (("D3", "D7"), Path("run.jsonl"))
    assert str(error).startswith("D3, D7 changed since the run in run.jsonl read them; ask again")


def test_a_writer_that_holds_an_archive_is_named(tmp_path):
    with (
        writer_lock(tmp_path),
        pytest.raises(ArchiveLocked, match="wait until it is done") as locked,
        writer_lock(tmp_path),
    ):
        pass

    assert locked.value.holder == (os.getpid(), socket.gethostname())


@pytest.mark.parametrize(
    "error",
    [
        WindowTooSmall("too small", window=1, smallest=2, max_output=3),
        LimitReached("too much", limits=["max_usd"], needed=2.0, left=1.0),
        DocumentsChanged(["D3"], Path("run.jsonl")),
        DocumentError("no text", "damaged"),
        AttemptFailed("late", retryable=True, may_be_billed=True, after_seconds=2.0),
        ArchiveLocked(Path("a"), None),
    ],
)
def test_errors_arrive_whole_from_another_process(error):
    arrived = pickle.loads(pickle.dumps(error))

    assert isinstance(arrived, DocpagerError)
    assert (type(arrived), str(arrived), vars(arrived)) == (type(error), str(error), vars(error))
