"""Lines that stand out are headings, if they are titles and not heads of tables."""

from make_pdf import make_pdf_of_streams

from docpager.documents.document import PdfPage
from docpager.documents.headings import LineStyle, styled_headings
from docpager.documents.pdf import read_pdf

PROSE = "The company sells tape and other products in many countries of the world."
BODY, BOLD = LineStyle(10.0, False), LineStyle(10.0, True)
TITLE, SMALL_BOLD = LineStyle(16.0, True), LineStyle(7.0, True)


def headings(*pages):
    """Titles and levels found on pages of (line, style)."""
    text, styles, sheets = "", {}, []
    for number, lines in enumerate(pages, start=1):
        start = len(text)
        for line, style in lines:
            styles[len(text)] = style
            text += line + "\n"
        sheets.append(PdfPage(number, str(number), start, len(text)))
    found = styled_headings(text, styles, sheets)
    assert all(text.startswith(heading.title[:5], heading.start) for heading in found)
    top = min((heading.level for heading in found), default=0)
    return [(heading.title, heading.level - top) for heading in found]


def test_larger_lines_and_bold_lines_above_text_are_headings():
    page = [
        ("Business", TITLE),
        ("Products", BOLD),
        (PROSE, BODY),
        ("Markets", BOLD),
        (PROSE, BODY),
    ]

    assert headings(page) == [("Business", 0), ("Products", 1), ("Markets", 1)]


def test_bold_heads_of_tables_are_none():
    table = [
        ("Three Months Ended", BOLD),
        ("Revenue 12 13", BODY),
        ("Net sales", BOLD),
        ("7", BODY),
    ]

    assert headings([("Sales", BOLD), (PROSE, BODY), *table]) == [("Sales", 0)]
    assert headings([("Sales", SMALL_BOLD), (PROSE, BODY)]) == []


def test_a_title_of_several_lines_is_one_heading():
    page = [("Management's Discussion of", TITLE), ("Results", TITLE), (PROSE, BODY)]

    assert headings(page) == [("Management's Discussion of Results", 0)]


def test_running_headers_are_none():
    pages = [[("Annual Report", TITLE), (f"Chapter {n}", BOLD), (PROSE, BODY)] for n in range(3)]

    assert headings(*pages) == [("Chapter 0", 0), ("Chapter 1", 0), ("Chapter 2", 0)]


def test_running_text_and_figures_are_none_however_large():
    for line in [PROSE, "$ 1,577", "12 34 56", "Total 1.5", "Table of Contents", "net sales"]:
        assert headings([(line, TITLE), (PROSE, BODY)]) == []


def test_a_style_of_too_many_lines_is_none():
    page = [("Chapter", TITLE), *[(f"Country {'x' * n}", BOLD) for n in range(1, 9)], (PROSE, BODY)]

    assert headings(page) == [("Chapter", 0)]


def test_sizes_are_read_from_the_pdf():
    def page(title, matrix):
        return (
            f"BT /F1 14 Tf {matrix} 50 700 Tm ({title}) Tj ET "
            f"BT /F1 1 Tf 9 0 0 9 50 680 Tm ({PROSE}) Tj ET"
        ).encode()

    content = make_pdf_of_streams(
        [
            page("Business", "1 0 0 1"),
            page("Properties", "1 0 0 1"),
            page("Staff", "1 0 0 1"),
            page("Lost in text of its size", ".64 0 0 .64"),
        ]
    )

    document = read_pdf(content, "a.pdf")

    assert [s.title for s in document.sections] == ["Business", "Properties", "Staff"]
    assert document.text[document.sections[1].start :].startswith("Properties")
