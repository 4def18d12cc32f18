"""`docpager open`: pages shown with the quoted words marked, and files handed to viewers."""

from __future__ import annotations

import json
import os
import stat
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner
from make_pdf import make_pdf

from docpager.cli import main

PAGES = [
    "The Harbour Trust was founded in 1911 by Ada Quill.\n" + "Its records are long.\n" * 30,
    "Maintenance. The north crane was repaired in March 1974 by Tomas Berg.\n" + "Rope.\n" * 50
    + "The last line of this page goes on",
    "upon the page that follows it.\nTotal dredging expenses were 48,200 crowns in 1975.",
]  # fmt: skip
QUOTE = "north crane was repaired in March 1974"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "trust.pdf").write_bytes(make_pdf(PAGES))
    (docs / "letter.txt").write_text("Dear Sir,\n\nthe lamp was lit on Friday.\n\nYours, Ida\n")
    assert docpager("ingest", "docs").exit_code == 0
    return tmp_path


def docpager(*arguments):
    return CliRunner().invoke(main, [*map(str, arguments)])


def test_a_page_is_written_as_a_picture(folder):
    result = docpager("open", "trust.pdf:p2", "--quote", QUOTE, "--image", "page.png")

    assert result.exit_code == 0, result.stderr
    assert result.stdout == "page.png: trust.pdf, page 2; 1 line marked\n"
    assert (folder / "page.png").read_bytes().startswith(b"\x89PNG")


def test_a_locator_without_a_quote_shows_its_page_unmarked(folder):
    plain = docpager("open", "D2:p2", "--image", "page.png")

    assert plain.stdout == "page.png: trust.pdf, page 2\n"
    assert json.loads(docpager("open", "D2:p2", "--json").stdout)["pages"][0]["rectangles"] == []


def test_a_passage_is_marked_as_a_whole(folder):
    shown = json.loads(docpager("open", "D2:c1", "--json").stdout)

    assert shown["pages"][0]["page"] == 1
    assert len(shown["pages"][0]["rectangles"]) == 31


def test_where_there_is_no_display_the_text_is_shown_and_nothing_written(folder):
    result = docpager("open", "trust.pdf:p2", "--quote", QUOTE)

    assert result.exit_code == 0
    assert f"The >>{QUOTE}<< by Tomas Berg." in result.stdout
    assert "no display here" in result.stderr
    assert "--image" in result.stderr
    assert sorted(path.name for path in folder.iterdir()) == [".docpager", "docs"]


def test_a_quote_over_a_page_end_is_marked_on_both_pages(folder):
    quote = "this page goes on\nupon the page"

    shown = json.loads(docpager("open", "trust.pdf:p2", "--quote", quote, "--json").stdout)
    said = docpager("open", "trust.pdf:p2", "--quote", quote, "--image", "page.png").stdout

    assert [(page["page"], len(page["rectangles"])) for page in shown["pages"]] == [(2, 1), (3, 1)]
    assert said.endswith("1 line marked; the words go on on page 3\n")


def test_json_has_the_place_the_file_and_the_rectangles(folder):
    shown = json.loads(docpager("open", "trust.pdf:p2", "--quote", QUOTE, "--json").stdout)

    assert shown["place"]["document"] == "trust.pdf"
    assert (shown["place"]["page"], shown["match"], shown["quote"]) == (2, "exact", QUOTE)
    assert shown["place"]["end"] - shown["place"]["start"] == len(QUOTE)
    assert shown["file"] == str(folder / "docs" / "trust.pdf")
    (page,) = shown["pages"]
    ((left, top, right, bottom),) = page["rectangles"]
    assert (page["width"], page["height"], page["found"]) == (612, 792, 1.0)
    assert 50 < left < right < 612
    assert 792 - 770 < top < bottom < 792 - 755


def test_other_documents_are_shown_as_text(folder):
    shown = docpager("open", "letter.txt", "--quote", "lamp was lit")
    refused = docpager("open", "letter.txt", "--quote", "lamp was lit", "--image", "page.png")

    assert "the >>lamp was lit<< on Friday." in shown.stdout
    assert refused.exit_code == 2
    assert "has no page to draw" in refused.stderr
    assert not (folder / "page.png").exists()


def test_a_quote_that_does_not_stand_there_opens_nothing(folder):
    result = docpager(
        "open", "trust.pdf:p2", "--quote", "the south crane exploded", "--image", "page.png"
    )

    assert result.exit_code == 1
    assert "was not found in D2" in result.stderr
    assert not (folder / "page.png").exists()


@pytest.mark.parametrize(
    ("citation", "says"),
    [
        ("D9:p1", "no document D9"),
        ("D2:p9", "no PDF page D2:p9"),
        ("nothing.pdf:p2", "no document 'nothing.pdf'"),
        ("N2", "a note of a run"),
        ("*.*:p1", "names several documents: D1 letter.txt, D2 trust.pdf"),
    ],
)
def test_a_citation_that_names_nothing_says_what_there_is(folder, citation, says):
    result = docpager("open", citation)

    assert result.exit_code == 2
    assert says in result.stderr


def asked(*more):
    result = docpager("ask", "How much were dredging expenses in 1975?", *more)
    assert result.exit_code == 0, result.stderr
    return result


def test_the_citation_of_a_journal_is_opened_from_anywhere(folder, monkeypatch):
    line = json.loads(asked("--json").stdout)
    journal = (folder / line["journal"]).resolve()

    first = json.loads(docpager("open", journal, "--json").stdout)
    other = docpager("open", f"{journal}#9")
    worse = docpager("open", f"{journal}#two")

    assert first["quote"] == line["citations"][0]["quote"]
    assert first["place"] == line["citations"][0]["place"]
    assert first["pages"][0]["rectangles"]
    assert other.exit_code == worse.exit_code == 2
    assert "has 1 citation" in other.stderr or "citations" in other.stderr
    assert "no number of a citation" in worse.stderr


def test_the_citation_of_a_line_of_answers_is_opened(folder):
    line = json.loads(asked("--json").stdout)
    line["id"] = "q:1"
    Path("answers.jsonl").write_text(json.dumps(line) + "\n" + json.dumps({**line, "id": "q"}))

    by_id = json.loads(docpager("open", "answers.jsonl#q:1", "--json").stdout)
    missing = docpager("open", "answers.jsonl#zebra")
    unnamed = docpager("open", "answers.jsonl")
    second = docpager("open", "answers.jsonl#q:99")

    assert by_id["quote"] == line["citations"][0]["quote"]
    assert "no answer with the id 'zebra'" in missing.stderr
    assert "holds many answers" in unnamed.stderr
    assert "citation" in second.stderr
    assert second.exit_code == 2


def test_an_answer_over_another_archive_finds_its_document_by_name(folder):
    line = json.loads(asked("--json").stdout)
    line["citations"][0]["place"]["document_id"] = "D1"  # another document in this archive
    Path("answers.jsonl").write_text(json.dumps(line) + "\n")

    shown = json.loads(docpager("open", f"answers.jsonl#{line['id']}", "--json").stdout)

    assert shown["place"]["document"] == "trust.pdf"


def test_a_file_that_changed_since_is_not_drawn(folder):
    (folder / "docs" / "trust.pdf").write_bytes(make_pdf([*PAGES, "A new page."]))

    drawn = docpager("open", "trust.pdf:p2", "--quote", QUOTE, "--image", "page.png")
    opened = docpager("open", "trust.pdf:p2", "--source")

    assert drawn.exit_code == opened.exit_code == 1
    assert "has changed since it was ingested" in drawn.stderr
    assert "has changed since it was ingested" in opened.stderr
    (folder / "docs" / "trust.pdf").unlink()
    assert "no longer there" in docpager("open", "trust.pdf:p2", "--source").stderr


posix = pytest.mark.skipif(os.name != "posix" or sys.platform == "darwin", reason="a Linux desktop")


@pytest.fixture
def desktop(folder, monkeypatch):
    """A display, and programs that write down how they were called."""
    programs = folder / "bin"
    programs.mkdir()

    def install(name, answer=""):
        program = programs / name
        program.write_text(
            f'#!/bin/sh\nfor each in {name} "$@"; do printf "%s\\n" "$each"; done '
            f'>> "{folder}/called"\necho "{answer}"\n'
        )
        program.chmod(program.stat().st_mode | stat.S_IXUSR)

    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    monkeypatch.setenv("DISPLAY", ":99")
    install("xdg-open")
    return install


def called(folder, count):
    """What programs were called with, once there are so many words of it."""
    words, deadline = [], time.monotonic() + 20
    while len(words) < count and time.monotonic() < deadline:
        time.sleep(0.02)
        if (folder / "called").exists():
            words = (folder / "called").read_text().splitlines()
    return words


@posix
def test_on_a_desktop_the_picture_is_shown_from_a_file_that_is_named(folder, desktop):
    result = docpager("open", "trust.pdf:p2", "--quote", QUOTE)

    program, shown = called(folder, 2)
    assert program == "xdg-open"
    assert f"shown from {shown}" in result.stderr
    assert Path(shown).read_bytes().startswith(b"\x89PNG")
    assert stat.S_IMODE(Path(shown).stat().st_mode) == 0o600
    Path(shown).unlink()


@posix
@pytest.mark.parametrize(
    ("viewer", "entry", "arguments"),
    [
        ("evince", "org.gnome.Evince.desktop", ["--page-index=2", "FILE"]),
        ("okular", "okularApplication_pdf.desktop", ["--page", "2", "FILE"]),
        ("zathura", "org.pwmt.zathura.desktop", ["--page=2", "FILE"]),
        ("mupdf", "mupdf.desktop", ["FILE", "2"]),
    ],
)
def test_a_known_viewer_is_given_the_page(folder, desktop, viewer, entry, arguments):
    desktop("xdg-mime", entry)
    desktop(viewer)

    result = docpager("open", "trust.pdf:p2", "--source")

    file = str(folder / "docs" / "trust.pdf")
    assert result.stdout == f"opened {file}\n"
    expected = [viewer, *(file if each == "FILE" else each for each in arguments)]
    assert called(folder, 4 + len(expected))[4:] == expected


@posix
def test_another_viewer_is_given_the_file_alone(folder, desktop):
    desktop("xdg-mime", "firefox.desktop")
    desktop("evince")

    docpager("open", "trust.pdf:p2", "--source")

    assert called(folder, 6)[4:] == ["xdg-open", str(folder / "docs" / "trust.pdf")]


@posix
@pytest.mark.parametrize("name", ["a script.sh", "page.html", "sheet.xml", "tool.py"])
def test_a_file_that_may_run_something_is_never_opened(folder, desktop, name):
    (folder / "docs" / name).write_text("<p>echo the zebra is striped and eats grass</p>\n" * 9)
    docpager("ingest", "docs")

    result = docpager("open", name, "--source")

    assert result.exit_code == 2
    assert "only files that cannot run anything" in result.stderr
    assert not (folder / "called").exists()


@posix
def test_a_name_is_never_an_option_or_a_command(folder, desktop):
    name = "--version; touch pwned $(touch pwned).txt"
    (folder / "docs" / name).write_text("The zebra is striped, and it eats grass.\n")
    docpager("ingest", "docs")

    result = docpager("open", f"docs/{name}", "--source")

    assert result.exit_code == 0, result.stderr
    assert called(folder, 2) == ["xdg-open", str(folder / "docs" / name)]
    assert not list(folder.rglob("pwned"))


@posix
def test_a_link_that_leads_out_is_never_opened(folder, desktop):
    outside = folder / "outside.txt"
    outside.write_text("The otter is brown, and it eats fish.\n")
    inside = folder / "docs" / "inside.txt"
    inside.write_text(outside.read_text())
    docpager("ingest", "docs")
    inside.unlink()
    inside.symlink_to(outside)

    result = docpager("open", "inside.txt", "--source")

    assert result.exit_code == 2
    assert "a link to a file outside" in result.stderr
    assert not (folder / "called").exists()


@pytest.mark.parametrize("how", [[], ["--json"], ["--source"]])
def test_no_control_character_reaches_the_terminal(folder, how):
    evil = "\x1b[2J\x1b]0;pwned\x07"
    (folder / "docs" / f"evil{evil.replace('/', '')}.txt").write_text(
        f"The lizard {evil} sleeps.\n"
    )
    docpager("ingest", "docs")

    result = docpager("open", "D3", *how)

    assert result.output
    assert not set(result.output) & set("\x1b\x07")


@pytest.mark.parametrize("name", ["page.jpg", "page", "docs"])
def test_a_picture_needs_a_name_that_says_what_it_is(folder, name):
    assert docpager("open", "D2:p1", "--image", name).exit_code == 2


def test_json_of_an_answer_has_rectangles_where_they_are_asked_for(folder):
    plain = json.loads(asked("--json").stdout)
    line = json.loads(asked("--json", "--rectangles").stdout)

    (citation,) = line["citations"][:1]
    assert "pages" not in plain["citations"][0]
    assert citation["file"] == str(folder / "docs" / "trust.pdf")
    assert citation["pages"][0]["page"] == citation["place"]["page"] == 3
    assert citation["pages"][0]["rectangles"]
    assert docpager("ask", "What?", "--rectangles").exit_code == 2


def typed(folder, *arguments, **environment):
    """What a command writes to a terminal."""
    import pty
    import subprocess

    ours, theirs = pty.openpty()
    given = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    process = subprocess.Popen(
        [sys.executable, "-m", "docpager", *arguments],
        stdout=theirs,
        stderr=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
        env=given | {"TERM": "xterm-256color"} | environment,
        cwd=folder,
    )
    os.close(theirs)
    written = b""
    while True:
        try:
            part = os.read(ours, 65_536)
        except OSError:  # the other end is closed
            break
        if not part:
            break
        written += part
    process.wait(timeout=60)
    os.close(ours)
    return written.decode()


@pytest.mark.skipif(os.name != "posix", reason="a pseudo-terminal")
def test_citations_are_links_where_the_terminal_takes_them(folder):
    question = ["ask", "How much were dredging expenses in 1975?"]
    address = f"\x1b]8;;{(folder / 'docs' / 'trust.pdf').as_uri()}#page=3\x1b\\"

    shown = typed(folder, *question)
    plain = [
        typed(folder, *question, NO_COLOR="1"),
        typed(folder, *question, TERM="dumb"),
        asked().stdout,
    ]

    assert f"{address}trust.pdf, page 3\x1b]8;;\x1b\\ [D2:c" in shown
    assert all("trust.pdf, page 3 [D2:c" in each and "\x1b" not in each for each in plain)


@pytest.mark.skipif(os.name != "posix", reason="file names with control characters")
def test_a_link_holds_nothing_that_a_name_could_say_to_a_terminal(folder):
    evil = "fine\x1b]0;pwned\x07.txt"
    (folder / "docs" / evil).write_text("The lizard sleeps under the seventh stone.\n")
    docpager("ingest", "docs")

    shown = typed(folder, "ask", "Where does the lizard sleep?")

    assert "fine\\x1b]0;pwned\\x07.txt" in shown
    assert "fine%1B%5D0%3Bpwned%07.txt" in shown
    assert "\x1b]0" not in shown
    assert "\x07" not in shown
