"""Pages and plots of results."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from reported_runs import reported, scored

from benchmarks.reporting.page import write_report
from benchmarks.reporting.plots import Curve, plot_curves


def test_runs_whose_folders_are_called_the_same_keep_their_plots(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    pytest.importorskip("jinja2")
    runs = [
        reported([scored(1, kind="a", marks={"right": mark}), scored(2, kind="b")], folder=folder)
        for folder, mark in (("one/same", 1.0), ("two/same", 0.0))
    ]

    markdown, _ = write_report(runs, tmp_path)

    linked = re.findall(r"plots/(\S+\.svg)", markdown.read_text("utf-8"))
    assert len(linked) == len(set(linked)) and "same-by-kind-2.svg" in linked
    assert sorted(linked) == sorted(path.name for path in (tmp_path / "plots").iterdir())


def test_only_docpager_looks_like_docpager() -> None:
    pytest.importorskip("matplotlib")
    points = [("1", 0.5, 0.4, 0.6), ("2", 0.5, 0.4, 0.6)]

    drawn = {
        name: "stroke-width: 2" in plot_curves([Curve(name, points)], axis="n", metric="right")
        for name in ("docpager", "truncate-head", "docpager:without=notes")
    }

    assert drawn == {"docpager": True, "truncate-head": False, "docpager:without=notes": False}


def test_the_page_is_made_of_the_parts_of_a_report_and_lets_nothing_in(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    pytest.importorskip("jinja2")
    folder = "<script>alert(1)</script>"
    runs = [reported([scored(1, kind="a"), scored(2, kind="b")], folder=folder)]

    _, html = write_report(runs, tmp_path)

    page = html.read_text("utf-8")
    assert "default-src &#39;none&#39;" in page or "default-src 'none'" in page
    assert page.count("<script>") == 1 and page.count("<svg") >= 1
    assert not re.search(r"<[^>]* style=", page)
    assert 'stroke="currentColor"' in page
