"""A batch whose model cannot be had at all: no question is to blame, and nothing is pinned."""

from __future__ import annotations

from dataclasses import replace

import pytest
from batch_worlds import CountedReader, World, town_questions

from docpager.batch.session import VAIN
from docpager.batch.settings import BatchSettings
from docpager.core.errors import ModelError, UsageError
from docpager.core.settings import PagingSettings
from docpager.run.preparation import AskSettings


class Renamed(CountedReader):
    """Another model."""

    name = "another"


def deaf(number: int) -> None:
    raise ModelError("http://there said 404: there is no such model")


@pytest.mark.parametrize("count", [1, VAIN, 40])
def test_questions_get_no_lines_where_no_reply_ever_came(tmp_path, count):
    world = World(tmp_path, model=CountedReader(before=deaf), questions=town_questions(count))
    report = world.drive(settings=BatchSettings(2))

    assert world.lines() == {}
    assert len(world.model.requests) <= min(count, VAIN + 1)
    assert "no question got a reply (http://there said 404" in report.why_stopped
    assert not report.succeeded and report.failed == 0


def test_after_that_everything_may_be_asked_otherwise(tmp_path):
    world = World(tmp_path, model=CountedReader(before=deaf))
    world.drive()
    other = replace(
        world,
        model=Renamed(),
        settings=AskSettings(paging=PagingSettings(window=9_000)),
        questions=town_questions(3),
    )

    assert other.drive().succeeded and len(other.lines()) == 3
    with pytest.raises(UsageError, match="window was 9000 and is 32000"):
        replace(other, settings=AskSettings()).drive()


def test_one_that_fails_where_others_get_replies_has_its_line(tmp_path):
    def first(number: int) -> None:
        if number == 1:
            deaf(number)

    world = World(tmp_path, model=CountedReader(before=first))
    report = world.drive(settings=BatchSettings(1))

    assert (report.failed, report.answered) == (1, 7)
    assert len(world.lines()) == 8
