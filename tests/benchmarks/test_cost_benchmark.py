"""The bill under epochs and under the other ways, for a made reference string."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.cost.ablations import without_releases
from benchmarks.cost.baselines import AppendOnly, EvictEveryStep
from benchmarks.cost.epochs import Epochs
from benchmarks.cost.measure import RECORDED, STRINGS
from benchmarks.cost.server import cost
from benchmarks.cost.strings import RecordedStep, ReferenceString, read_string, write_string
from docpager.core.errors import UsageError
from docpager.core.passages import PassageId, PassageRange
from docpager.core.settings import PagingSettings

PAGING = PagingSettings(window=60_000, max_output=8_192)


def visits(*numbers: int, released: bool = False) -> ReferenceString:
    """Ranges of ten passages, by number; one that comes again is not paged in but needed."""
    steps, met, last = [], set(), ()
    for number in numbers:
        wanted = (PassageRange(1, 10 * number + 1, 10 * number + 10),)
        new, again = ((), wanted) if number in met else (wanted, ())
        notes, gone = ((90,), last if released else ()) if steps else ((), ())
        steps.append(RecordedStep(60, new, again, notes, gone))
        met.add(number)
        last = wanted
    sizes = {PassageId(1, n): 300 for n in range(1, 10 * max(numbers) + 11)}
    return ReferenceString("made", 1.3, sizes, tuple(steps))


@pytest.fixture(scope="module")
def one_pass() -> ReferenceString:
    return visits(*range(40), released=True)


def test_epochs_cost_a_quarter_of_evicting_at_every_step(one_pass):
    ours, evict = Epochs(one_pass, PAGING).play(), EvictEveryStep(one_pass, PAGING).play()

    for price in (0.10, 0.05, 0.025):
        assert cost(ours.up_to(40), price) <= 0.25 * cost(evict.up_to(40), price)


def test_epochs_cost_less_than_appending_at_forty_steps(one_pass):
    ours, append = Epochs(one_pass, PAGING).play(), AppendOnly(one_pass, PAGING).play()

    assert cost(ours.up_to(40), 0.10) <= 0.75 * cost(append.up_to(40), 0.10)


def test_a_string_without_its_releases_keeps_its_pages_longer(one_pass):
    kept = Epochs(without_releases(one_pass), PAGING).play()

    assert not any(step.released for step in without_releases(one_pass).steps)
    assert kept.rebuilds > 0 and kept != Epochs(one_pass, PAGING).play()


def test_a_policy_that_keeps_nothing_loses_other_pages():
    returning = visits(*(back for n in range(2, 40) for back in (n, n - 2)))

    default = Epochs(returning, PAGING).play()
    nothing = Epochs(returning, PAGING, policy="notes-only").play()

    assert nothing.refaults != default.refaults
    assert nothing.rebuilds >= 1


def test_no_way_but_appending_leaves_the_window(one_pass):
    ours, append, evict = (
        way(one_pass, PAGING).play() for way in (Epochs, AppendOnly, EvictEveryStep)
    )

    assert max(ours.peak, evict.peak) <= PAGING.window - PAGING.max_output < append.peak
    assert ours.unserved == evict.unserved == append.unserved == 0


def test_what_was_evicted_is_paged_in_again_with_a_step_of_its_own():
    string = visits(*range(20), 0, 1)

    ours, append, evict = (
        way(string, PAGING).play() for way in (Epochs, AppendOnly, EvictEveryStep)
    )

    assert ours.refaults == evict.refaults == 20
    assert ours.requests == evict.requests == 22 + 2
    assert (append.refaults, append.requests) == (0, 22)


def test_a_working_set_that_fits_is_cheaper_to_append():
    string = visits(*(n % 3 for n in range(40)))

    ours, append = Epochs(string, PAGING).play(), AppendOnly(string, PAGING).play()

    assert cost(ours.up_to(40), 0.10) > cost(append.up_to(40), 0.10)


def test_a_string_is_written_and_read_again(tmp_path):
    string = replace(visits(0, 1, 0, released=True), name="kept")
    write_string(string, tmp_path / "kept.json")

    assert read_string(tmp_path / "kept.json") == string


def test_a_file_that_is_no_string_is_named(tmp_path):
    (tmp_path / "other.json").write_text("{}", "utf-8")

    with pytest.raises(UsageError, match=r"other\.json is no reference string"):
        read_string(tmp_path / "other.json")


@pytest.mark.parametrize("name", STRINGS)
def test_recorded_strings_hold_steps_and_sizes_alone(name):
    string = read_string(RECORDED / f"{name}.json")

    assert len(string.steps) == 160
    assert all(0 < tokens <= 330 for tokens in string.sizes.values())
