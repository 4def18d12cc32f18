"""Stored text against judges: all of them made up here, none is installed."""

from __future__ import annotations

import io
import json
import os
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pypdf
import pytest
from click.testing import CliRunner
from make_pdf import make_pdf

from benchmarks.text_fidelity.cache import PageCache
from benchmarks.text_fidelity.command import main
from benchmarks.text_fidelity.measure import (
    PEERS,
    READERS,
    MeasuredFile,
    MeasuredPage,
    Outsiders,
    in_half,
    measure_file,
    own_record,
)
from benchmarks.text_fidelity.readers import (
    JUDGES,
    LibraryReader,
    PageRead,
    Pdftotext,
    library_versions,
)
from benchmarks.text_fidelity.report import set_lines
from benchmarks.text_fidelity.words import agreed, f1, figures, words

NAMES = "ash birch cedar elm fir hazel larch maple oak pine rowan spruce willow yew alder beech"
TWENTY = f"{NAMES} 1998 12 7 305"
"""Twenty words, four of them figures."""


@dataclass
class FakeReader:
    """Knows the text of each page by heart and notes what it was asked for."""

    name: str
    texts: Mapping[int, str]
    version: str = "fake 1"
    dies_at: int | None = None
    asked: list[int] = field(default_factory=list)

    def count(self, path: Path) -> int:
        return len(self.texts)

    def read(self, path: Path, pages: Sequence[int]) -> Iterator[PageRead]:
        for page in pages:
            if page == self.dies_at:
                raise KeyboardInterrupt
            self.asked.append(page)
            yield PageRead(page, self.texts[page])


def judges(*texts: str, **changes: object) -> list[FakeReader]:
    """Three who agree on what each page says."""
    by_page = dict(enumerate(texts, start=1))
    return [FakeReader(name, by_page, **changes) for name in JUDGES]


def peers(*texts: str) -> list[FakeReader]:
    return [FakeReader(name, dict(enumerate(texts, start=1))) for name in PEERS]


def outsiders(folder: Path, judging: Sequence[FakeReader], compared: Sequence[FakeReader]):
    return Outsiders(PageCache(folder / "cache"), compared, lambda: judging, check_versions=True)


@pytest.fixture
def pdf(tmp_path):
    def written(*pages: str) -> Path:
        path = tmp_path / "trees.pdf"
        path.write_bytes(make_pdf(pages))
        return path

    return written


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$1,234.5 (7) \u22128", "1 234 5 7 8"),
        ("of3.05", "of3 05"),
        ("ﬁrst x² Ａ½", "first x2 A1 2"),
        ("exam-\nple exam-\r\n ple exam\ufffeple exam\u00adple exam-ple", "example " * 5),
        ("2019-2020 10-K 10\ufffeK 10\u00adK 3\ufffe4", "2019 2020 " + "10 K " * 3 + "3 4"),
        ("zero\u200bwidth snake_case", "zerowidth snake case"),
        ("東京都 2024年", "東 京 都 2024 年"),
        ("Straße ÉTÉ e\u0301", "Straße ÉTÉ é"),
        ("\x00 \ufffd --- •", ""),
    ],
)
def test_words_are_runs_of_letters_and_digits(text, expected):
    assert words(text) == Counter(expected.split())


def test_figures_are_words_with_a_digit():
    assert figures(words("of3 05 plain ２")) == Counter({"of3": 1, "05": 1, "2": 1})


def test_two_of_three_judges_agree_on_a_word_as_often_as_both_have_it():
    bags = [words("a a a b d"), words("a a c d"), words("a b b d")]

    assert agreed(bags) == Counter({"a": 2, "b": 1, "d": 1})


def test_a_judge_that_gives_nothing_leaves_it_to_the_other_two():
    assert agreed([words("a a b"), words(""), words("a c")]) == Counter("a")


def test_f1_of_bags():
    assert f1(words("a b"), words("a c")) == 0.5
    assert f1(words(""), words("a")) == 0.0
    assert f1(words(""), words("")) == 1.0


def test_a_missing_word_and_a_wrong_figure_have_known_prices(tmp_path, pdf):
    path = pdf(TWENTY.replace("305", "3051"))
    judging, compared = judges(f"{TWENTY} linden"), peers(f"{TWENTY} linden")

    (page,) = measure_file(path, "trees.pdf", outsiders(tmp_path, judging, compared)).pages

    assert (page.judged_words, page.judged_figures) == (21, 4)
    assert page.words["docpager"] == round(2 * 19 / (20 + 21), 4)
    assert page.figures["docpager"] == round(2 * 3 / (4 + 4), 4)
    assert page.words["pypdf"] == page.figures["pdfium"] == 1.0
    assert page.poorer_by("figures") == 0.25


def test_pages_with_fewer_than_twenty_words_are_left_out(tmp_path, pdf):
    nineteen = TWENTY.removesuffix(" 305")
    path = pdf(TWENTY, nineteen)
    judging = judges(TWENTY, nineteen)

    measured = measure_file(
        path, "trees.pdf", outsiders(tmp_path, judging, peers(TWENTY, nineteen))
    )

    assert [page.is_judged for page in measured.pages] == [True, False]
    assert "1 judged, 1 left out" in "\n".join(set_lines("woods", [measured]))


def test_a_sample_is_every_nth_page_from_the_first_on(tmp_path, pdf):
    texts = [TWENTY] * 5
    judging = judges(*texts)

    measured = measure_file(
        pdf(*texts), "trees.pdf", outsiders(tmp_path, judging, peers(*texts)), every=2
    )

    assert [page.page for page in measured.pages] == judging[0].asked == [1, 3, 5]
    assert measured.pages_in_file == 5


def test_every_file_is_in_one_half_whatever_its_folder():
    names = [Path(f"a/{n}.pdf") for n in range(20)]
    halves = [[path for path in names if in_half(path, half)] for half in ("even", "odd")]

    assert sorted(halves[0] + halves[1]) == sorted(names)
    assert all(halves)
    assert [in_half(Path("b") / path.name, "odd") for path in halves[1]] == [True] * len(halves[1])
    assert all(in_half(path, None) for path in names)


def test_a_page_that_was_read_is_not_read_again(tmp_path, pdf):
    path = pdf(TWENTY, TWENTY)
    first, again = judges(TWENTY, TWENTY), judges(TWENTY, TWENTY)

    one = measure_file(
        path, "trees.pdf", outsiders(tmp_path, first, peers(TWENTY, TWENTY)), every=2
    )
    two = measure_file(path, "trees.pdf", outsiders(tmp_path, again, peers(TWENTY, TWENTY)))

    assert [judge.asked for judge in first] == [[1]] * 3
    assert [judge.asked for judge in again] == [[2]] * 3
    assert two.pages[0] == one.pages[0]


def test_a_killed_run_goes_on_where_it_stopped(tmp_path, pdf):
    path, texts = pdf(*[TWENTY] * 3), [TWENTY] * 3
    killed, again = judges(*texts, dies_at=2), judges(*texts)

    with pytest.raises(KeyboardInterrupt):
        measure_file(path, "trees.pdf", outsiders(tmp_path, killed, peers(*texts)))
    measure_file(path, "trees.pdf", outsiders(tmp_path, again, peers(*texts)))

    assert [judge.asked for judge in again] == [[2, 3], [1, 2, 3], [1, 2, 3]]


def test_a_torn_line_costs_its_page_alone(tmp_path):
    cache = PageCache(tmp_path)
    for page in (1, 2):
        cache.keep("ab" * 32, "pymupdf", "1", PageRead(page, f"text {page}"))
    (file,) = tmp_path.rglob("pymupdf.jsonl")
    file.write_bytes(file.read_bytes()[:-20])

    cache.keep("ab" * 32, "pymupdf", "1", PageRead(3, "odd \udc80", failure=None))

    kept = cache.pages("ab" * 32, "pymupdf", "1")
    assert {page: read.text for page, read in kept.items()} == {1: "text 1", 3: "odd \udc80"}


def test_another_version_of_a_judge_reads_again(tmp_path, pdf):
    path = pdf(TWENTY)
    measure_file(path, "trees.pdf", outsiders(tmp_path, judges(TWENTY), peers(TWENTY)))
    newer = judges(TWENTY, version="fake 2")

    measure_file(path, "trees.pdf", outsiders(tmp_path, newer, peers(TWENTY)))

    assert [judge.asked for judge in newer] == [[1]] * 3


def test_a_pdf_encrypted_with_an_empty_user_password_is_read(tmp_path, pdf):
    path = pdf(TWENTY)
    writer = pypdf.PdfWriter(clone_from=path)
    writer.encrypt("", "owner", algorithm="AES-256")
    written = io.BytesIO()
    writer.write(written)
    path.write_bytes(written.getvalue())
    compared = [LibraryReader(name, "1", sys.executable) for name in PEERS]

    (page,) = measure_file(path, "trees.pdf", outsiders(tmp_path, judges(TWENTY), compared)).pages

    assert {reader: page.words[reader] for reader in ("docpager", *PEERS)} == dict.fromkeys(
        ("docpager", *PEERS), 1.0
    )


def test_a_file_that_docpager_refuses_counts_as_empty_pages(tmp_path):
    path = tmp_path / "trees.pdf"
    path.write_bytes(b"%PDF-1.7 and nothing else")

    measured = measure_file(path, "trees.pdf", outsiders(tmp_path, judges(TWENTY), peers(TWENTY)))

    assert measured.pages[0].words["docpager"] == 0.0
    assert measured.pages[0].problem == "damaged"
    assert "docpager read nothing of trees.pdf" in "\n".join(set_lines("woods", [measured]))


FAKE_INTERPRETER = """#!{python}
import json, sys, time
if sys.argv[-1] == "versions":
    print(json.dumps({{"pymupdf": "fake 1", "pdfminer": "fake 1"}}))
    sys.exit()
library, path, pages = sys.argv[-3:]
if "locked" in path:
    sys.exit("locked")
print(json.dumps({{"pages": 4}}), flush=True)
for page in filter(None, pages.split(",")):
    if page == "2":
        sys.exit("something\\nbroke")
    if page == "3":
        time.sleep(60)
    print(json.dumps({{"page": int(page), "text": "{text}"}}), flush=True)
"""
FAKE_PDFTOTEXT = """#!{python}
import sys
if "-v" in sys.argv:
    sys.exit("pdftotext fake")
first, last = (int(sys.argv[sys.argv.index(at) + 1]) for at in ("-f", "-l"))
for page in range(first, last + 1):
    if page == 2:
        sys.exit("broke")
    print("{text}", page, end="\\f")
"""


def program(path: Path, source: str, **values: str) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(source.format(python=sys.executable, **values))
    path.chmod(0o755)
    return path


def test_a_page_that_ends_or_holds_up_the_program_costs_that_page_alone(tmp_path):
    interpreter = program(tmp_path / "python", FAKE_INTERPRETER, text="fine")
    reader = LibraryReader("pymupdf", "1", str(interpreter), page_seconds=3)

    reads = list(reader.read(tmp_path / "a.pdf", [1, 2, 3, 4]))

    assert reads == [
        PageRead(1, "fine"),
        PageRead(2, failure="broke"),
        PageRead(3, failure="timed out"),
        PageRead(4, "fine"),
    ]
    assert reader.count(tmp_path / "a.pdf") == 4


def test_a_file_that_a_judge_cannot_open_is_tried_once(tmp_path):
    interpreter = program(tmp_path / "python", FAKE_INTERPRETER, text="fine")
    reader = LibraryReader("pymupdf", "1", str(interpreter))

    reads = list(reader.read(tmp_path / "locked.pdf", [1, 4]))

    assert reads == [PageRead(page, failure="locked") for page in (1, 4)]
    assert reader.count(tmp_path / "locked.pdf") == 0


def test_pdftotext_asks_for_each_page_by_itself_where_one_fails(tmp_path):
    reader = Pdftotext(str(program(tmp_path / "pdftotext", FAKE_PDFTOTEXT, text="page")))

    reads = list(reader.read(tmp_path / "a.pdf", [1, 2, 4]))

    assert reads == [PageRead(1, "page 1"), PageRead(2, failure="broke"), PageRead(4, "page 4")]
    assert reader.version == "pdftotext fake"


def test_the_peers_are_read_as_they_come(tmp_path, pdf):
    path = pdf("One page", "")

    for name in PEERS:
        reader = LibraryReader(name, "1", sys.executable)
        assert library_versions(sys.executable)[name]
        assert reader.count(path) == 2
        assert [read.text.strip() for read in reader.read(path, [1, 2])] == ["One page", ""]


@pytest.fixture
def fake_judges(tmp_path):
    """(interpreter, environment with a pdftotext) of judges who see one linden more."""
    text = f"{TWENTY} linden"
    interpreter = program(tmp_path / "judges" / "python", FAKE_INTERPRETER, text=text)
    program(tmp_path / "judges" / "pdftotext", FAKE_PDFTOTEXT, text=text)
    path = os.pathsep.join([str(interpreter.parent), os.environ["PATH"]])
    return str(interpreter), {"PATH": path}


def ask(*arguments: object, environment: Mapping[str, str] | None = None):
    return CliRunner().invoke(main, list(map(str, arguments)), env=environment)


def test_the_command_prints_a_table_and_needs_no_judges_a_second_time(tmp_path, pdf, fake_judges):
    folder, (interpreter, environment) = pdf(TWENTY).parent, fake_judges
    kept = ("--cache", tmp_path / "cache", "--out", tmp_path / "out.jsonl")

    first = ask(folder, *kept, "--judges", interpreter, environment=environment)
    again = ask(folder, *kept)

    assert first.exit_code == 0, first.output
    assert "1 files with 1 pages; 1 looked at, 1 judged" in first.stdout
    assert "| docpager | 100.00 % (1) | 0.00 % (0) | 0.9756 | 1.0000 |" in first.stdout
    assert "Compared with fake 1, pdftotext fake, pypdf" in first.stdout
    assert again.stdout == first.stdout
    (line,) = (tmp_path / "out.jsonl").read_text().splitlines()
    assert json.loads(line)["words"]["docpager"] == 0.9756


def test_one_page_is_shown_with_its_differences(tmp_path, pdf, fake_judges):
    folder, (interpreter, environment) = pdf(f"{TWENTY} hornbeam").parent, fake_judges
    shared = (folder, "--cache", tmp_path / "cache", "--judges", interpreter)

    shown = ask(*shared, "--pages", "trees.pdf:1", environment=environment)
    beyond = ask(*shared, "--pages", "trees.pdf:2", environment=environment)
    unknown = ask(*shared, "--pages", "stones.pdf:1", environment=environment)

    assert "trees.pdf:1: 21 words, 4 figures" in shown.stdout
    assert "docpager: words 0.9524, figures 1.0000\n  missing (1): linden\n" in shown.stdout
    assert "  extra (1): hornbeam" in shown.stdout
    assert "has 1 pages" in beyond.stderr
    assert "'stones.pdf:1' is no page of these folders" in unknown.stderr
    assert {beyond.exit_code, unknown.exit_code} == {2}


def test_missing_judges_are_named_with_the_way_to_install_them(tmp_path, pdf, fake_judges):
    folder, (interpreter, environment) = pdf(TWENTY).parent, fake_judges
    shared = (folder, "--cache", tmp_path / "cache")

    unnamed = ask(*shared)
    bare = program(tmp_path / "bare", "#!{python}\nprint('{{}}')")
    without = ask(*shared, "--judges", bare, environment=environment)
    no_python = ask(*shared, "--judges", tmp_path / "nothing", environment=environment)
    no_poppler = ask(*shared, "--judges", interpreter, environment={"PATH": str(tmp_path)})

    assert "pip install pymupdf pdfminer.six" in unnamed.stderr
    assert "has no pymupdf and no pdfminer" in without.stderr
    assert "cannot be run as a Python interpreter" in no_python.stderr
    assert "apt-get install poppler-utils" in no_poppler.stderr
    assert {each.exit_code for each in (unnamed, without, no_python, no_poppler)} == {2}


def measured(page: int, *, own: float, peer: float, notes: tuple[str, ...] = ()) -> MeasuredPage:
    scores = {reader: own if reader == "docpager" else peer for reader in READERS}
    return MeasuredPage("trees.pdf", page, 100, 10, scores, scores, None, None, notes, {})


def test_pages_poorer_than_a_peer_by_more_than_a_hundredth_are_listed():
    pages = (measured(1, own=0.99, peer=1.0), measured(2, own=0.9899, peer=1.0))

    lines = "\n".join(set_lines("woods", [MeasuredFile("trees.pdf", 2, None, pages)]))

    assert "1 of 2: 1 in words, 1 in figures" in lines
    assert "trees.pdf:2 |" in lines
    assert "trees.pdf:1 |" not in lines


def test_pages_that_docpager_itself_calls_unusable_are_counted(tmp_path, pdf):
    path = pdf(TWENTY, "")

    measured = measure_file(
        path, "trees.pdf", outsiders(tmp_path, judges(TWENTY, ""), peers(TWENTY, ""))
    )

    lines = "\n".join(set_lines("woods", [measured]))
    assert "names 1 of 2 pages as without usable text (no text layer: 1); 0 of them" in lines


def test_pages_that_depart_on_purpose_are_listed_apart():
    pages = (
        measured(1, own=1.0, peer=1.0),
        measured(2, own=0.9, peer=1.0, notes=("footnote marks set off",)),
    )

    lines = "\n".join(set_lines("woods", [MeasuredFile("trees.pdf", 2, None, pages)]))

    assert "| footnote marks set off | 1 | 100.00 % (1) | 100.00 % (1) |" in lines
    assert "page's picture: trees.pdf:2." in lines
    apart = lines.split("Without these 1 pages, 1 are judged:")[1]
    assert "| docpager | 0.00 % (0) | 0.00 % (0) |" in apart


def test_the_readers_own_record_is_read_where_a_page_has_one():
    @dataclass
    class Page:
        reader: str = "pypdf"
        notes: tuple[str, ...] = ("form values",)

    assert own_record(Page()) == ("pypdf", ("form values",))
    assert own_record(object()) == own_record(None) == (None, ())
