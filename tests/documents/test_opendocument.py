"""OpenDocument texts and presentations, written by hand."""

import pytest
from documents.office_files import read, text_of, titles, zipped

from docpager.core.errors import DocumentError
from docpager.documents.reasons import Reason
from docpager.documents.signatures import kind_of

NAMES = ("office", "text", "table", "draw", "style", "svg", "xlink", "presentation", "dc", "fo")
NAMESPACES = " ".join(f'xmlns:{name}="urn:{name}"' for name in (*NAMES, "chart", "math"))
HIDDEN = "<style:style style:name='H'><style:text-properties text:display='none'/></style:style>"


def part(body, styles="", kind="text"):
    return (
        f"<office:document-content {NAMESPACES}><office:automatic-styles>{styles}"
        f"</office:automatic-styles><office:body><office:{kind}>{body}</office:{kind}>"
        "</office:body></office:document-content>"
    )


def odf(body, styles="", kind="text", **parts):
    files = {"content.xml": part(body, styles, kind)}
    for name, content in parts.items():
        files[f"{name}.xml"] = f"<office:document {NAMESPACES}>{content}</office:document>"
    mime = f"application/vnd.oasis.opendocument.{kind}"
    return zipped(files, first=("mimetype", mime))


def odt(body, styles="", **parts):
    return text_of(odf(body, styles, **parts), "file.odt")


def test_paragraphs_keep_their_words_apart():
    body = "<text:p>One\n  <text:span>two</text:span><text:s text:c='3'/>three<text:tab/>four"
    body += "<text:line-break/>five\u00ad<text:soft-page-break/>six</text:p>"
    assert odt(body) == "One two three four\nfivesix"


def test_deleted_text_stands_apart_and_inserted_text_is_text():
    changes = (
        "<text:tracked-changes><text:changed-region text:id='c1'><text:deletion>"
        "<office:change-info><dc:creator>A</dc:creator></office:change-info>"
        "<text:p>partly </text:p></text:deletion></text:changed-region></text:tracked-changes>"
    )
    body = "<text:p>The fee is <text:change text:change-id='c1'/><text:change-start/>not"
    assert odt(f"{changes}{body}<text:change-end/> due.</text:p>") == (
        "The fee is not due.\n[deleted: partly]"
    )


def test_notes_and_comments_are_marked():
    body = (
        "<text:p>Sales<text:note text:note-class='footnote'>"
        "<text:note-citation>3</text:note-citation>"
        "<text:note-body><text:p>Unaudited.</text:p></text:note-body></text:note> rose."
        "<office:annotation><dc:creator>Ann</dc:creator><dc:date>2024</dc:date><text:p>Why?</text:p>"
        "</office:annotation></text:p>"
    )
    assert odt(body) == "Sales [footnote 3: Unaudited.] rose.\n[comment by Ann: Why?]"


def test_hidden_text_and_sections_are_left_out():
    body = "<text:p>a<text:span text:style-name='H'>b</text:span>c</text:p>"
    body += "<text:p text:style-name='H'>d</text:p>"
    body += "<text:section text:display='none'><text:p>e</text:p></text:section>"
    for hidden, text in (("true", "f"), ("false", "g")):
        body += f"<text:section text:display='condition' text:is-hidden='{hidden}'>"
        body += f"<text:p>{text}</text:p></text:section>"
    assert odt(body, HIDDEN) == "ac\n\ng"


OUTLINE = (
    "<office:styles><text:outline-style><text:outline-level-style text:level='1' "
    "style:num-format='1' style:num-suffix='.'/><text:outline-level-style text:level='2' "
    "style:num-format='1' text:display-levels='2'/></text:outline-style></office:styles>"
)


def test_headings_are_sections_with_their_numbers():
    body = "<text:h text:outline-level='1'>Scope</text:h><text:p>x</text:p>"
    body += "<text:h text:outline-level='2'>Below</text:h><text:h>Term</text:h>"
    parts = {
        "content.xml": part(body),
        "styles.xml": f"<office:s {NAMESPACES}>{OUTLINE}</office:s>",
    }
    assert titles(zipped(parts), "a.odt") == [
        ("1", "1. Scope"), ("1.1", "1.1 Below"), ("2", "2. Term"),
    ]  # fmt: skip


LIST = (
    "<text:list-style style:name='L'><text:list-level-style-number text:level='1' "
    "style:num-format='1' style:num-suffix='.'/><text:list-level-style-number text:level='2' "
    "style:num-format='a' style:num-suffix=')'/></text:list-style><text:list-style style:name='B'>"
    "<text:list-level-style-bullet text:level='1' text:bullet-char='•'/></text:list-style>"
)


def test_items_have_their_numbers_and_a_list_can_go_on():
    def items(*texts, more=""):
        inside = "".join(f"<text:list-item><text:p>{t}</text:p></text:list-item>" for t in texts)
        return f"<text:list text:style-name='L' {more}>{inside}</text:list>"

    nested = "<text:list><text:list-item><text:p>deep</text:p></text:list-item></text:list>"
    body = f"<text:list text:style-name='L' xml:id='x'><text:list-item><text:p>a</text:p>{nested}"
    body += "</text:list-item><text:list-item><text:p>b</text:p></text:list-item></text:list>"
    body += items("c", more="text:continue-numbering='true'") + items("new")
    body += items("d", more="text:continue-list='x'")
    body += "<text:list text:style-name='B'><text:list-item><text:p>dot</text:p></text:list-item>"
    assert odt(body + "</text:list>", LIST).splitlines() == [
        "1. a", "a) deep", "2. b", "3. c", "1. new", "4. d", "- dot",
    ]  # fmt: skip


def cells(*texts, more=""):
    return "".join(
        f"<table:table-cell {more}><text:p>{t}</text:p></table:table-cell>" for t in texts
    )


def test_rows_have_headers_and_merged_cells_their_columns():
    spanned = "table:number-columns-spanned='2'"
    body = (
        "<table:table><table:table-header-rows><table:table-row>" + cells("")
        + cells("Sales", more=spanned) + "<table:covered-table-cell/></table:table-row>"
        "</table:table-header-rows><table:table-row>"
        + cells("Asia", more="table:number-rows-spanned='2'") + cells("5", "6")
        + "</table:table-row><table:table-row><table:covered-table-cell/>" + cells("7", "8")
        + "</table:table-row></table:table>"
    )  # fmt: skip
    assert odt(body).splitlines()[1:] == [
        "Asia | Sales: 5 | Sales: 6",
        "Asia | Sales: 7 | Sales: 8",
    ]


def test_empty_cells_and_rows_by_the_million_take_no_room():
    empty = "<table:table-cell table:number-columns-repeated='999999'/>"
    rows = f"<table:table-row table:number-rows-repeated='999999'>{empty}</table:table-row>"
    body = f"<table:table><table:table-row>{cells('a')}{empty}{cells('b')}</table:table-row>{rows}"
    assert odt(body + "</table:table>") == "a | b"


@pytest.mark.parametrize("what", ["columns", "rows"])
def test_cells_by_the_million_are_refused(what):
    many = f"table:number-{what}-repeated='2000000'"
    row = many if what == "rows" else ""
    cell = many if what == "columns" else ""
    body = f"<table:table><table:table-row {row}>{cells('x', more=cell)}{cells('y')}"
    with pytest.raises(DocumentError, match=r"file\.odt.*cells") as caught:
        odt(body + "</table:table-row></table:table>")
    assert caught.value.reason == Reason.UNSAFE


def test_text_boxes_pictures_charts_and_equations_are_read():
    frame = "<draw:frame><draw:text-box><text:p>In a box</text:p></draw:text-box></draw:frame>"
    picture = "<draw:frame><draw:image/><svg:desc>A ship</svg:desc></draw:frame>"
    math = "<draw:frame><draw:object xlink:href='./Object 1'/></draw:frame>"
    chart = "<draw:frame><draw:object xlink:href='./Object 2'/></draw:frame>"
    body = f"<text:p>Text {math}{frame}{picture}</text:p><text:p>{chart}</text:p>"
    equation = "<math:math xmlns:math='urn:m'><math:msup><math:mi>x</math:mi><math:mn>2</math:mn>"
    inner = (
        f"<office:document-content {NAMESPACES}><office:body><office:chart>"
        "<chart:chart><chart:title>"
        "<text:p>Sales</text:p></chart:title><table:table><table:table-row>" + cells("", "2023")
        + "</table:table-row><table:table-row>" + cells("Asia", "5") + "</table:table-row>"
        "</table:table></chart:chart></office:chart></office:body></office:document-content>"
    )  # fmt: skip
    files = {
        "content.xml": part(body),
        "Object 1/content.xml": f"{equation}</math:msup></math:math>",
        "Object 2/content.xml": inner,
    }
    content = zipped(files, first=("mimetype", "application/vnd.oasis.opendocument.text"))
    assert text_of(content, "a.odt").split("\n\n") == [
        "Text x^2", "In a box", "[picture: A ship]", "[chart: Sales]", "2023\nAsia | 2023: 5",
    ]  # fmt: skip


def test_headers_and_footers_come_once_and_the_title_from_the_properties():
    master = "<office:master-styles><style:master-page style:name='S'><style:header><text:p>ACME"
    master += "</text:p></style:header><style:footer><text:p>Page 1</text:p></style:footer>"
    master += "</style:master-page><style:master-page style:name='Unused'><style:header><text:p>no"
    master += "</text:p></style:header></style:master-page></office:master-styles>"
    meta = "<office:meta><dc:title>The Report</dc:title></office:meta>"
    content = odf("<text:p>x</text:p>", meta=meta)
    assert read(content, "a.odt").documents[0].title == "The Report"
    parts = {"content.xml": part("<text:p>x</text:p>")}
    parts["styles.xml"] = f"<office:document-styles {NAMESPACES}>{master}</office:document-styles>"
    assert text_of(zipped(parts), "a.odt") == "[header: ACME]\n\nx\n\n[footer: Page 1]"


def test_slides_are_pages_with_notes_and_hidden_ones_marked():
    def frame(text, held="", at=(1, 1)):
        kind = f"presentation:class='{held}'" if held else ""
        return (
            f"<draw:frame {kind} svg:x='{at[0]}cm' svg:y='{at[1]}cm'><draw:text-box><text:p>{text}"
            "</text:p></draw:text-box></draw:frame>"
        )

    hidden = "<style:style style:name='dp'><style:drawing-page-properties "
    hidden += "presentation:visibility='hidden'/></style:style>"
    notes = f"<presentation:notes>{frame('Say it', 'notes')}{frame('1', 'page-number')}"
    one = f"{frame('low', at=(1, 9))}{frame('right', at=(9, 2))}{frame('left', at=(1, 2.1))}"
    one += frame("Title", "title") + frame("4", "page-number") + notes + "</presentation:notes>"
    body = f"<draw:page>{one}</draw:page><draw:page draw:style-name='dp'>"
    body += "<draw:custom-shape><text:p>Two</text:p></draw:custom-shape></draw:page>"
    body += "<draw:page><draw:frame><draw:image/></draw:frame></draw:page>"
    (document,) = read(odf(body, hidden, "presentation"), "deck.odp").documents
    pages = [(p.label, document.text[p.start : p.end].strip()) for p in document.pdf_pages]
    assert pages == [
        ("1", "Title\n\nleft\n\nright\n\nlow\n\n[notes: Say it]"),
        ("2", "[hidden slide]\n\nTwo"),
        ("3", ""),
    ]
    assert (document.kind, document.title) == ("odp", "Title")
    assert document.unreadable == ((3, Reason.NO_TEXT),)


def test_what_every_slide_shows_comes_once():
    slide = "<draw:page draw:master-page-name='M'><draw:frame><draw:text-box><text:p>{}"
    slide += "<text:page-number>&lt;number&gt;</text:page-number></text:p></draw:text-box>"
    slide += "</draw:frame></draw:page>"
    body = "<presentation:footer-decl>Draft</presentation:footer-decl>"
    parts = {"content.xml": part(body + slide.format("a") + slide.format("b"), "", "presentation")}
    parts["styles.xml"] = (
        f"<office:s {NAMESPACES}><office:master-styles><style:master-page style:name='M'>"
        "<draw:custom-shape><text:p>ACME</text:p></draw:custom-shape><draw:frame "
        "presentation:class='title'><draw:text-box><text:p>Click</text:p></draw:text-box>"
        "</draw:frame></style:master-page></office:master-styles></office:s>"
    )
    mime = "application/vnd.oasis.opendocument.presentation"
    assert text_of(zipped(parts, first=("mimetype", mime)), "a.odp").split("\n\n") == [
        "a", "[footer: Draft]", "[behind every slide: ACME]", "b",
    ]  # fmt: skip


def test_the_kind_is_what_the_file_declares():
    assert kind_of("a.zip", odf("<text:p>x</text:p>")).name == "odt"
    assert kind_of("a.odt", odf("<draw:page/>", kind="presentation")).name == "odp"


def test_encrypted_files_and_declared_entities_are_named():
    manifest = "<m><file-entry><encryption-data/></file-entry></m>"
    parts = {"content.xml": "x", "META-INF/manifest.xml": manifest}
    with pytest.raises(DocumentError) as caught:
        read(zipped(parts), "a.odt")
    assert caught.value.reason == Reason.ENCRYPTED
    hostile = '<!DOCTYPE a [<!ENTITY b "c">]>' + part("<text:p>&b;</text:p>")
    with pytest.raises(DocumentError) as caught:
        read(zipped({"content.xml": hostile}), "a.odt")
    assert caught.value.reason == Reason.UNSAFE


def test_an_object_with_a_document_type_is_named_and_the_rest_is_read():
    body = "<text:p>x<draw:frame><draw:object xlink:href='./O'/></draw:frame></text:p>"
    content = zipped({"content.xml": part(body), "O/content.xml": "<!DOCTYPE math><math/>"})
    found = read(content, "a.odt")
    assert found.documents[0].text == "x\n"
    assert "O/content.xml" in found.problems[0]
