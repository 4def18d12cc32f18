"""Tables of results: what is written where little is known."""

from __future__ import annotations

import pytest
from reported_runs import reported, scored

from benchmarks.reporting.blocks import Paragraph, Table, as_markdown
from benchmarks.reporting.comparisons import comparisons
from benchmarks.reporting.slices import written_interval
from benchmarks.reporting.summary import brief_blocks, summary_blocks
from benchmarks.reporting.tables import headline, run_blocks
from docpager.core.errors import UsageError
from docpager.evaluation.intervals import mean_interval


def loud(blocks) -> list[str]:
    return [each.text for each in blocks if isinstance(each, Paragraph) and each.loud]


def tables(blocks) -> list[Table]:
    return [each for each in blocks if isinstance(each, Table)]


def test_an_interval_of_no_width_is_not_shown() -> None:
    equal, differing = mean_interval([0.5, 0.5]), mean_interval([0.25, 0.75] * 9)

    assert written_interval(equal, form="+.2f") == "+0.50"
    assert written_interval(differing).startswith("0.50 [0.")
    assert written_interval(None) == "not run"


def test_windows_are_compared_apart_and_those_without_a_rebuild_are_no_evidence() -> None:
    run = reported(
        [
            each
            for n in range(9)
            for window, rebuilds in ((4000, 2), (64_000, 0))
            for each in (
                scored(n, window=window, rebuilds=rebuilds),
                scored(n, "other", window=window, marks={"right": float(window > 4000)}),
            )
        ]
    )

    small, large, *said = comparisons(run, first="docpager")

    assert "window 4000" in small.title and "window 64000" in large.title
    assert [table.rows[0][1:3] for table in (small, large)] == [["1.00", "0.00"], ["1.00", "1.00"]]
    assert [table.rows[0][-3:] for table in (small, large)] == [["9", "2", "0"], ["9", "0", "0"]]
    assert loud(said) == ["No evidence for paging: docpager's median run had no rebuild."]


def test_each_slice_says_whether_it_is_evidence_for_paging() -> None:
    run = reported(
        [
            each
            for n, kind in enumerate(["long", "short"] * 6)
            for each in (
                scored(n, rebuilds=3 if kind == "long" else 0, kind=kind),
                scored(n, "other", kind=kind, marks={"right": 0.0}),
            )
        ]
    )

    blocks = comparisons(run, first="docpager", by="kind")

    rows = [(row[0], row[4], row[5], row[-2]) for row in tables(blocks)[0].rows]
    assert rows == [
        ("other, kind long", "0.031", "0.062", "3"),
        ("other, kind short", "0.031", "0.062", "0"),
    ]
    assert loud(blocks) == [
        "No evidence for paging: docpager's median run had no rebuild on kind short."
    ]


def run_on_part():
    """Docpager on 8 questions, another on the first 6 of them, where it is right."""
    lines = []
    for n in range(8):
        marks = {"right": float(n < 5), "seen": None if n else 1.0}
        status = "answered" if n < 6 else "not run"
        lines += [
            scored(n, rebuilds=1, kind=f"{n % 2}", marks=marks),
            scored(n, "truncate-head", kind=f"{n % 2}", marks={"right": 0.0, "seen": 0.0}),
            scored(n, "truncate-tail", kind=f"{n % 2}", marks=marks, status=status),
        ]
    return reported(lines)


def test_means_over_fewer_questions_say_so() -> None:
    by_kind, costs, *_ = tables(run_blocks(run_on_part()))

    assert by_kind.rows[0] == ["questions", "4", "4"]
    assert not any("(n" in cell for row in by_kind.rows[1:3] for cell in row)
    assert all(cell.endswith("] (n 3)") for cell in by_kind.rows[3][1:])
    assert [row[:4] for row in costs.rows] == [
        ["docpager", "0.62", "1.00 (n 1)", "8"],
        ["truncate-head", "0.00", "0.00", "8"],
        ["truncate-tail", "0.83", "1.00 (n 1)", "6"],
    ]


def test_a_brief_table_names_the_questions_of_every_metric() -> None:
    (table,) = tables(brief_blocks(run_on_part()))

    seen, n = table.header.index("seen"), table.header.index("n")
    assert [(row[seen], row[n]) for row in table.rows] == [
        ("1.00 (n 1)", "8"),
        ("0.00", "8"),
        ("1.00 (n 1)", "6"),
    ]


def test_answers_that_failed_or_were_not_run_are_counted_with_the_first_reason() -> None:
    lines = [scored(n, rebuilds=1) for n in range(4)]
    lines += [scored(0, "files-grep", status="failed", error="the server is gone.")]
    lines += [scored(1, "files-grep", status="failed", error="another reason")]
    lines += [scored(n, "files-grep") for n in (2, 3)]
    lines += [scored(n, "refine", status="not run", error="over 400 requests") for n in range(4)]

    for blocks in (brief_blocks(reported(lines)), run_blocks(reported(lines))):
        said = [each for each in blocks if isinstance(each, Paragraph)]
        failed = Paragraph("Failed: files-grep 2 of 4 answers (the server is gone).", loud=True)
        assert failed in said
        assert Paragraph("Not run: refine 4 of 4 answers (over 400 requests).") in said


def test_the_headline_says_what_intervals_rest_on() -> None:
    said = headline(reported([scored(1)]))

    assert "exact binomial where all marks are 0 or 1" in said
    assert "Questions about the same document are treated as independent." in said


def test_the_best_of_a_kind_was_run_on_every_question() -> None:
    (table,) = tables(summary_blocks([run_on_part()]))

    row = dict(zip(table.header, table.rows[0], strict=True))
    assert row["truncated"] == "0.00" and row["docpager"].startswith("**0.62 ")


def test_retrieval_at_equal_tokens_is_a_kind_of_its_own() -> None:
    run = reported([scored(1, rebuilds=1), scored(1, "retrieve-once:tokens=docpager")])

    (table,) = tables(summary_blocks([run]))

    row = dict(zip(table.header, table.rows[0], strict=True))
    assert row["retrieved once, equal tokens"] == "**1.00**" and not row["retrieved once"]


def test_an_axis_that_a_run_does_not_have_is_refused_with_those_it_has() -> None:
    run = reported([scored(1, kind="x"), scored(1, "other", kind="x")])

    with pytest.raises(UsageError, match=r"no axis 'nonsense'; its axes are kind, window"):
        comparisons(run, first="docpager", by="nonsense")


def test_a_bar_in_a_value_does_not_end_a_cell() -> None:
    written = as_markdown([Table("t", ["", "a|b"], [["x", "1"]])])

    assert "|  | a\\|b |" in written


def test_what_windows_took_is_told_apart() -> None:
    run = reported([scored(1, window=window) for window in (4000, 8000)])

    titles = [table.title for table in tables(run_blocks(run))]

    assert len(titles) == len(set(titles))
    assert any(title.startswith("What it took, window 4000 (") for title in titles)
