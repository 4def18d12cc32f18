"""Web pages as a person sees them."""

from __future__ import annotations

import time

import pytest

pytest.importorskip("selectolax")

from docpager.core.errors import DocumentError
from docpager.documents.carried import Instructions, read_content
from docpager.documents.document import Document
from docpager.documents.flow import Flow
from docpager.documents.reasons import Reason
from docpager.documents.signatures import kind_of
from docpager.documents.web.html import write_html


def page(html: str | bytes, path: str = "a.html") -> Document:
    content = html if isinstance(html, bytes) else html.encode()
    return read_content(content, path, Instructions()).documents[0]


def text(html: str) -> str:
    return page(html).text.strip()


def test_a_page_is_read_as_it_is_seen():
    document = page(
        '<!DOCTYPE html><meta charset="utf-8"><title>Gull &amp; Petrel</title>'
        "<style>.fig{margin:0 auto}</style><script>var revenue = 1;</script>"
        "<h1>Gull &amp; Petrel plc</h1><p>Moody&#8217;s: &sect;&nbsp;1.02; the caf&eacute;</p>"
        "<table><tr><td>Net&nbsp;<b>inc</b>ome</td><td><span>1,</span><span>234</span></td></tr>"
        "</table>"
    )

    assert document.text == (
        "Gull & Petrel plc\n\nMoody’s: § 1.02; the café\n\nNet income | 1,234\n"
    )
    assert (document.title, document.kind) == ("Gull & Petrel", "html")
    assert [section.title for section in document.sections] == ["Gull & Petrel plc"]


def test_the_title_is_else_the_first_heading():
    flow = Flow()

    assert write_html(flow, "<p>a<h2>Second</h2><p>b") == "Second"
    assert write_html(flow, "<p>a") == ""


@pytest.mark.parametrize(
    "hidden",
    [
        '<div style="color:red; display : none">no</div>',
        "<p hidden>no</p>",
        '<span style="visibility:hidden">no</span>',
        "<noscript>no</noscript>",
        "<template><p>no</p></template>",
        "<!-- no -->",
        '<svg><title>no</title></svg><input type="hidden" value="no">',
        "<dialog>no</dialog>",
        '<div style="display:none"><ix:header><ix:hidden>no</ix:hidden></ix:header></div>',
        "<ix:header><ix:hidden><ix:nonFraction>no</ix:nonFraction></ix:hidden></ix:header>",
        '<style>.gone, p#x {display:none}</style><i class="a gone">no</i><p id="x">no</p>',
    ],
)
def test_what_is_not_displayed_is_no_text(hidden):
    assert text(f"<p>before</p>{hidden}<p>after</p>") == "before\n\nafter"


def test_a_class_that_is_shown_elsewhere_is_not_hidden():
    sheet = "<style>.tab{display:none} @media print{.tab{display:block}}</style>"

    assert text(f'{sheet}<p class="tab">shown by a click</p>') == "shown by a click"
    print_only = "<style>@media print{.menu{display:none}}</style>"
    assert text(f'{print_only}<p class="menu">on screen</p>') == "on screen"


def test_words_are_joined_and_blocks_are_apart():
    assert text("<b>inc</b>ome <i>sta</i>te<wbr>ment") == "income statement"
    assert text("<div>one</div>two<p>three<br>four") == "one\n\ntwo\n\nthree\nfour"
    assert text('<span style="display:block">one</span>two') == "one\n\ntwo"
    assert text("co&shy;operate&#8203; now") == "cooperate now"


def test_headings_in_captions_of_figures_begin_no_section():
    document = page(
        "<h2>Storm</h2><figure><img src=a.png><figcaption><h4>Police officers</h4>"
        "<h5>27-06-2012</h5>| Efe</figcaption></figure><p>43 million travel.</p>"
    )

    assert [section.title for section in document.sections] == ["Storm"]
    assert document.text == (
        "Storm\n\nPolice officers\n\n27-06-2012\n\n| Efe\n\n43 million travel.\n"
    )


def test_lists_keep_their_numbers():
    assert text('<ol start="7"><li>seven<li value="9">nine<li>ten</ol>') == (
        "7. seven\n9. nine\n10. ten"
    )
    assert text('<ol type="a"><li>x<ul><li>in</ul><li>y</ol>') == "a. x\n- in\nb. y"
    assert text("<ol reversed><li>x<li>y</ol>") == "2. x\n1. y"
    assert text('<ul style="list-style-type:none"><li>plain</ul>') == "plain"


def test_programs_pictures_links_and_fields():
    assert text("<pre>a  b\n   c</pre>") == "a  b\n   c"
    assert text('<p>see <img src="http://x/y.png" alt="Sales by year"> here') == (
        "see [image: Sales by year] here"
    )
    assert text('<a href="http://x/">the report</a>') == "the report"
    assert text('<h2>Fees<a class="headerlink" href="#fees">¶</a></h2>x') == "Fees\n\nx"
    assert text('Name <input value="Ann"><input type=checkbox checked>yes') == "Name Ann [x] yes"
    assert text("<select><option>1<option selected>2</select> <textarea>a\n b</textarea>") == (
        "2\n\na\n b"
    )


def test_raised_marks_are_apart_from_figures():
    assert text("$320<sup>1</sup> per season") == "$320[1] per season"
    assert text("4.2 x 10<sup>6</sup> cells, 10<sup>−3</sup>") == "4.2 x 10^6 cells, 10^-3"
    assert text("35 km<sup>2</sup>, the 5<sup>th</sup>, H<sub>2</sub>O") == "35 km2, the 5th, H2O"
    assert text('net income<span style="vertical-align:super">2</span>') == "net income[2]"
    assert text("<p><sup>1</sup>Unaudited.") == "[1] Unaudited."


def test_footnotes_and_readings_are_marked():
    assert text('a<p>b<aside epub:type="footnote"><p>3. Unaudited.</aside>') == (
        "a\n\nb\n\n[footnote 3: Unaudited.]"
    )
    assert text("<ruby>東<rt>とう</rt>京<rt>きょう</rt></ruby>") == "東京(とうきょう)"


def test_tables_are_rows_with_their_headers():
    assert text(
        "<table><caption>Fees</caption><thead><tr><th>Place<th>Fee</thead>"
        "<tr><td>North<td>5<tr><td>South<td>6</table>"
    ) == ("Fees\n\nPlace | Fee\nPlace: North | Fee: 5\nPlace: South | Fee: 6")


def test_cells_that_span_stay_with_their_columns():
    assert text(
        "<table><tr><th rowspan=2><th colspan=2>2023<tr><th>Q1<th>Q2"
        "<tr><td rowspan=2>North<td>1<td>2<tr><td>3<td>4</table>"
    ) == ("2023\nQ1 | Q2\nNorth | 2023 / Q1: 1 | 2023 / Q2: 2\nNorth | 2023 / Q1: 3 | 2023 / Q2: 4")


BALANCE = """<table>
<tr><td></td><td></td><td></td><td></td><td></td><td></td><td></td><td></td></tr>
<tr><td>(in millions)</td><td></td><td colspan=3><b>2023</b></td><td></td>
    <td colspan=3><b>2022</b></td></tr>
<tr><td>Net sales</td><td></td><td>$</td><td>1,234&#160;</td><td></td><td></td>
    <td>$</td><td>1,100&#160;</td><td></td></tr>
<tr><td>Other</td><td></td><td colspan=2>(56</td><td>)</td><td></td>
    <td colspan=2>&#8212;&#160;</td><td></td></tr>
<tr><td colspan=2>Margin</td><td colspan=2>12.5&#160;</td><td>%</td><td></td>
    <td colspan=2>(3.0</td><td>)%</td></tr></table>"""


def test_figures_of_filings_are_put_together():
    assert text(BALANCE) == (
        "(in millions) | 2023 | 2022\n"
        "Net sales | 2023: $1,234 | 2022: $1,100\n"
        "Other | 2023: (56) | 2022: —\n"
        "Margin | 2023: 12.5% | 2022: (3.0)%"
    )


def test_a_table_may_begin_anew_with_other_years():
    rows = "<tr><td>Sales<td>1,000<td>900"
    head = "<tr><td><td>{}<td>{}"
    assert text(
        f"<table>{head.format(2023, 2022)}{rows}{head.format(2021, 2020)}{rows}</table>"
    ) == (
        "2023 | 2022\nSales | 2023: 1,000 | 2022: 900\n2021 | 2020\nSales | 2021: 1,000 | 2020: 900"
    )


def test_tables_that_arrange_a_page_are_read_in_order():
    inner = "<table><tr><th>Year<th>Sales<tr><td>2023<td>5</table>"
    assert text(f"<table><tr><td><h2>Left</h2><p>first</p>{inner}<td><p>second</table>") == (
        "Left\n\nfirst\n\nYear | Sales\nYear: 2023 | Sales: 5\n\nsecond"
    )
    assert text("<table><tr><td>•<td>A point of it</table>") == "• A point of it"


def test_inline_facts_are_shown_as_displayed():
    assert text(
        "<ix:nonNumeric name='x'><p>Sales were $<ix:nonFraction scale='6' sign='-'>1,2"
        "</ix:nonFraction>34 million</p></ix:nonNumeric>"
    ) == ("Sales were $1,234 million")


def filing(*, heads: str = "<div><b>{}</b></div>") -> str:
    prose = f"<div>{'The Company designs and sells things, as it says here. ' * 12}</div>"
    titles = ["PART I", "Item 1. Business", "Item 1A. Risk Factors", "PART II", "Item 5. Market"]
    rows = "".join(
        f'<tr><td><a href="#x">{title.partition(".")[0]}.</a><td>{title}<td>{n}</tr>'
        for n, title in enumerate(titles)
    )
    links = "".join(f'<div><a href="#{n}">{title}</a></div>' for n, title in enumerate(titles))
    body = "".join(heads.format(title) + prose for title in titles)
    return f"<table>{rows}</table>{links}{body}<p>As Item 1A says, there are risks.</p>"


@pytest.mark.parametrize(
    "heads", ["<div><b>{}</b></div>", '<p style="font-weight:700">{}</p>', "<p>{}</p>"]
)
def test_filings_have_sections_though_they_have_no_headings(heads):
    document = page(filing(heads=heads))

    assert [(s.number, s.title) for s in document.sections] == [
        ("1", "PART I"),
        ("1.1", "Item 1. Business"),
        ("1.2", "Item 1A. Risk Factors"),
        ("2", "PART II"),
        ("2.1", "Item 5. Market"),
    ]
    first = document.sections[1]
    assert document.text[first.start :].startswith("Item 1. Business\n\nThe Company designs")


def test_bold_lines_of_filings_are_sections_and_titles_may_stand_beside():
    html = filing().replace(
        "<div><b>Item 1A. Risk Factors</b></div>",
        "<table><tr><td><b>Item 1A.</b><td><b>Risk Factors</b></table>"
        "<div><b>Our business may suffer</b></div>",
    )
    titles = {section.title: section.number for section in page(html).sections}

    assert titles["Item 1A. Risk Factors"] == "1.2"
    assert titles["Our business may suffer"] == "1.2.1"


def test_bold_lines_of_other_pages_are_none():
    assert page("<p><b>Dear Ann</b><p>Hello there.<p><b>Bye</b><p>Bob").sections == ()


@pytest.mark.parametrize(
    ("content", "doubt"),
    [
        ('<meta charset="gbk"><p>营业收入'.encode("gbk"), None),
        ('<meta charset="iso-8859-1"><p>营业收入 “€”'.encode(), None),
        (b'<meta http-equiv=content-type content="text/html; charset=windows-1251"><p>'
         + "Выручка".encode("cp1251"), None),
        ("\ufeff<p>营业收入".encode("utf-16-le"), None),
        (b"<?xml version='1.0' encoding='Shift_JIS'?><p>" + "売上高".encode("cp932"), None),
        ("<p>Выручка и прибыль компании за отчётный год выросли.".encode("cp1251"), Reason.GUESSED),
        ("<p>営業 収入 " .encode() * 400 + b"\xff", Reason.BAD_BYTES),
    ],
)  # fmt: skip
def test_encodings_are_obeyed_or_guessed(content, doubt):
    document = page(content)

    words = ("营业收入", "Выручка", "売上高", "営業 収入", "è\x90")
    assert document.doubt == doubt
    assert any(word in document.text for word in words) or "è" in document.text


def test_xhtml_closes_what_closes_itself():
    document = page(
        '<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"><head><title/>'
        '<script src="x.js"/></head><body><a id="p1"/><p>text <b/>plain <![CDATA[a < b]]></p>'
        "</body></html>",
        "a.xhtml",
    )

    assert document.text == "text plain a < b\n"


def test_a_saved_page_is_the_page_alone():
    content = (
        b"MIME-Version: 1.0\r\nContent-Type: multipart/related; boundary=b\r\n\r\n"
        b"--b\r\nContent-Type: text/html; charset=utf-8\r\n"
        b"Content-Transfer-Encoding: quoted-printable\r\n\r\n<title>T</title><p>caf=C3=A9\r\n"
        b"--b\r\nContent-Type: image/png\r\n\r\nx\r\n--b--\r\n"
    )
    document = page(content, "a.mhtml")

    assert (document.title, document.text) == ("T", "café\n")
    with pytest.raises(DocumentError, match=r"'a\.mhtml' holds no web page"):
        page(b"Content-Type: image/png\r\n\r\nx", "a.mhtml")


def test_a_page_is_known_whatever_its_name():
    begun = b"<!DOCTYPE html>\n<html><p>x"

    assert kind_of("report.xls", begun).name == "html"
    assert kind_of("report", b"\n <html lang=en>").name == "html"
    assert kind_of("a.md", begun).name == "markdown"
    assert kind_of("a.pdf", begun).name == "pdf"
    assert kind_of("a.py", b"# <html>").name == "text"


def test_pages_that_show_nothing_are_named():
    with pytest.raises(DocumentError, match="holds no text"):
        page("<script>document.write('x')</script>")
    with pytest.raises(DocumentError, match="binary data"):
        page(b"\0\1" * 500)


@pytest.mark.parametrize(
    "html",
    ["<div>" * 100_000, "<table><tr><td>" * 50_000, "<b>" * 90_000 + "x", "<ul><li>" * 60_000],
)
def test_pages_that_nest_too_deep_are_named(html):
    with pytest.raises(
        DocumentError, match=r"'a\.html' holds a page that nests more than 3,000"
    ) as caught:
        page(html)
    assert caught.value.reason is Reason.UNSAFE


def test_deep_pages_are_read_all_the_same():
    assert text("<div>" * 2_900 + "deep") == "deep"
    assert text("<table><tr><td>" * 700 + "deep") == "deep"
    assert text("<p>" * 20_000 + "x" + "<li>y" * 20_000).startswith("x\n")


def test_spans_beyond_reason_make_no_cells():
    begun = time.process_time()

    assert text("<table>" + "<tr><td colspan=100000 rowspan=100000>x<td>y" * 200 + "</table>")
    assert time.process_time() - begun < 5
    with pytest.raises(DocumentError, match="reach into more than 300,000 others"):
        page("<table>" + "<tr><td rowspan=0>x" * 4_000 + "</table>")


def test_time_grows_with_the_length():
    row = "<tr><td>Net income</td><td style='x:y'>$</td><td>1,234</td></tr>"
    one = f"<table>{row * 200}</table><p>{'word ' * 200}</p>"

    def seconds(times: int) -> float:
        begun = time.process_time()
        page(one * times)
        return time.process_time() - begun

    seconds(1)
    # Four times the length; the square of it would be sixteen.
    assert min(seconds(64), seconds(64)) < 9 * max(seconds(16), 0.02)


@pytest.mark.parametrize(
    "html",
    [
        f"<p style='{' ' * 200_000}x'>x",
        f"<style>{'a' * 500_000}</style>x",
        f"<style>{'/* ' * 200_000}</style>x",
        '<html xmlns="http://www.w3.org/1999/xhtml">x' + "<![CDATA[" * 50_000,
        "<table>" + f"<tr>{'<td>x' * 1_500}" * 20 + f"<tr>{'<td>5' * 1_500}" * 20 + "</table>",
        "<" * 300_000 + "\xff",
        "<ruby>" * 2_900 + "x",
    ],
)
def test_no_rule_looks_at_the_same_text_again_and_again(html):
    begun = time.process_time()

    try:
        page(html.encode("latin-1"))
    except DocumentError as error:
        assert "holds no text" in str(error)
    assert time.process_time() - begun < 8


def test_nothing_is_fetched(monkeypatch):
    import socket

    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("a page asked for something from elsewhere")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert text(
        '<link rel=stylesheet href="http://127.0.0.1:9/x.css"><img src="http://127.0.0.1:9/x">'
        '<iframe src="http://127.0.0.1:9/"></iframe><object data="file:///etc/passwd">o</object>a'
    ) == ("oa")
