"""Word documents: what a reader of the document sees is in the text, once, and what else is there
is marked."""

import pytest
from documents.office_files import docx, read, relationships, root, text_of, titles, zipped

from docpager.core.errors import DocumentError
from docpager.documents.reasons import Reason
from docpager.documents.signatures import kind_of


def p(content, properties=""):
    return f"<w:p><w:pPr>{properties}</w:pPr>{content}</w:p>"


def r(text, properties=""):
    return f'<w:r><w:rPr>{properties}</w:rPr><w:t xml:space="preserve">{text}</w:t></w:r>'


def deleted(text):
    return f'<w:del w:id="1" w:author="A"><w:r><w:delText>{text}</w:delText></w:r></w:del>'


def styled(name):
    return f'<w:pStyle w:val="{name}"/>'


HEADINGS = """
<w:style w:type="paragraph" w:styleId="H1"><w:name w:val="heading 1"/></w:style>
<w:style w:type="paragraph" w:styleId="Own"><w:name w:val="Clause"/><w:basedOn w:val="H1"/>
  </w:style>
<w:style w:type="paragraph" w:styleId="b2"><w:name w:val="Überschrift 2"/></w:style>
<w:style w:type="paragraph" w:styleId="O3"><w:name w:val="Deep"/><w:pPr><w:outlineLvl w:val="2"/>
  </w:pPr></w:style>
<w:style w:type="paragraph" w:styleId="TH"><w:name w:val="TOC Heading"/><w:basedOn w:val="H1"/>
  <w:pPr><w:outlineLvl w:val="9"/></w:pPr></w:style>
<w:style w:type="paragraph" w:styleId="T"><w:name w:val="Title"/></w:style>
<w:style w:type="paragraph" w:styleId="loop"><w:name w:val="a"/><w:basedOn w:val="loop"/></w:style>
<w:style w:type="character" w:styleId="Ghost"><w:name w:val="g"/><w:rPr><w:vanish/></w:rPr>
  </w:style>
"""


def test_inserted_words_are_text_and_deleted_ones_stand_apart():
    body = p(r("The deposit is ") + deleted("partly ") + f"<w:ins>{r('not ')}</w:ins>" + r("due."))
    assert text_of(docx(body)) == "The deposit is not due.\n[deleted: partly]"


def test_moved_text_is_text_where_it_went_and_deleted_where_it_was():
    moved = r("Clause A.")
    body = p(f"<w:moveFrom>{moved}</w:moveFrom>") + p(r("B.")) + p(f"<w:moveTo>{moved}</w:moveTo>")
    assert text_of(docx(body)) == "[deleted: Clause A.]\n\nB.\n\nClause A."


def test_a_paragraph_whose_end_was_deleted_goes_on_in_the_next():
    body = p(r("Payable in "), "<w:rPr><w:del w:id='1'/></w:rPr>") + p(r("May."))
    assert text_of(docx(body)) == "Payable in May."


def test_deleted_rows_and_cells_are_marked():
    row = "<w:tr>{}<w:tc>{}</w:tc><w:tc>{}</w:tc></w:tr>"
    table = "<w:tbl>" + row.format("", p(r("a")), p(r("b")))
    table += row.format("<w:trPr><w:del w:id='1'/></w:trPr>", p(r("c")), p(r("d"))) + "</w:tbl>"
    assert text_of(docx(table)) == "a | b\n[deleted: c] | [deleted: d]"


def test_content_controls_and_links_are_text():
    control = (
        f"<w:sdt><w:sdtPr><w:alias w:val='x'/></w:sdtPr><w:sdtContent>{r('Acme')}</w:sdtContent>"
    )
    body = p(
        r("Buyer: ") + control + "</w:sdt>" + f"<w:hyperlink r:id='r9'>{r(' Ltd')}</w:hyperlink>"
    )
    assert text_of(docx(body)) == "Buyer: Acme Ltd"


def test_a_text_box_is_read_once():
    box = f"<w:txbxContent>{p(r('In the box'))}</w:txbxContent>"
    drawing = (
        f"<w:drawing><wp:anchor><wp:docPr id='1' descr='A frame'/>{box}</wp:anchor></w:drawing>"
    )
    both = (
        f"<mc:AlternateContent><mc:Choice Requires='wps'>{drawing}</mc:Choice>"
        f"<mc:Fallback><w:pict>{box}</w:pict></mc:Fallback></mc:AlternateContent>"
    )
    body = p(r("Before") + f"<w:r>{both}</w:r>" + r("after"))
    assert text_of(docx(body)) == "Before [picture: A frame] after\n\nIn the box"


def test_notes_stand_where_they_are_referred_to_with_their_numbers():
    def note(number, text):
        return (
            f"<w:footnote w:id='{number}'>{p('<w:r><w:footnoteRef/></w:r>' + r(text))}</w:footnote>"
        )

    def mark(number, more=""):
        return f"<w:r><w:footnoteReference w:id='{number}'{more}/></w:r>"

    body = p(r("Sales") + mark(7) + r(" rose.") + mark(3) + mark(7))
    body += p(r("Own") + mark(4, " w:customMarkFollows='1'") + r("*"))
    notes = "<w:footnote w:id='0' w:type='separator'><w:p/></w:footnote>"
    notes += note(7, "Unaudited.") + note(3, "In euros.") + note(4, "By hand.")
    endnotes = f"<w:endnote w:id='1'>{p(r('At the end.'))}</w:endnote>"
    body += p(r("X") + "<w:r><w:endnoteReference w:id='1'/></w:r>")
    assert text_of(docx(body, footnotes=notes, endnotes=endnotes)) == (
        "Sales [footnote 1: Unaudited.] rose. [footnote 2: In euros.] [footnote 1]\n\n"
        "Own [footnote: By hand.] *\n\nX [endnote 1: At the end.]"
    )


def test_comments_stand_apart_with_their_author():
    comment = f"<w:comment w:id='5' w:author='Ann B.'>{p(r('Is this so?'))}</w:comment>"
    body = p(r("It is ") + "<w:r><w:commentReference w:id='5'/></w:r>" + r("so."))
    assert text_of(docx(body, comments=comment)) == "It is so.\n[comment by Ann B.: Is this so?]"


def test_headers_and_footers_come_once_each_and_only_those_that_are_shown():
    def section(*ids, more=""):
        headers = "".join(
            f"<w:{kind}Reference w:type='{when}' r:id='{rid}'/>" for kind, when, rid in ids
        )
        return f"<w:sectPr>{headers}{more}</w:sectPr>"

    named = {f"r{n}": ("header", f"header{n}.xml") for n in (1, 2, 3)}
    named["r4"] = ("footer", "footer4.xml")
    body = p(r("One"), section(("header", "default", "r1"), ("header", "first", "r2")))
    body += p(r("Two")) + section(
        ("header", "default", "r1"),
        ("header", "first", "r3"),
        ("footer", "default", "r4"),
        more="<w:titlePg/>",
    )
    parts = docx(body, named=named)
    for number, text in ((1, "Confidential"), (2, "Never shown"), (3, "Annex")):
        parts[f"word/header{number}.xml"] = root("w:hdr", p(r(text)))
    parts["word/footer4.xml"] = root("w:ftr", p(r("7")))
    assert text_of(parts) == "[header: Confidential]\n\nOne\n\n[header: Annex]\n\nTwo"


def test_hidden_text_is_left_out():
    body = p(r("seen ") + r("unseen", "<w:vanish/>") + r("too", "<w:vanish w:val='0'/>"))
    body += p(r("by style", "<w:rStyle w:val='Ghost'/>") + r("shown"))
    assert text_of(docx(body, styles=HEADINGS)) == "seen too\n\nshown"


def field(instruction, result):
    def mark(kind):
        return f"<w:r><w:fldChar w:fldCharType='{kind}'/></w:r>"

    return (
        mark("begin")
        + f"<w:r><w:instrText>{instruction}</w:instrText></w:r>"
        + mark("separate")
        + r(result)
        + mark("end")
    )


def test_fields_show_their_results():
    inner = "IF </w:instrText></w:r>" + field("MERGEFIELD x", "inner") + "<w:r><w:instrText>= 1"
    body = p(r("On ") + field("DATE", "5 May") + r(", ") + field(inner, "yes"))
    body += p(f"<w:fldSimple w:instr='REF a'>{r('Annex 2')}</w:fldSimple>")
    assert text_of(docx(body)) == "On 5 May, yes\n\nAnnex 2"


def test_a_field_that_never_ends_hides_nothing():
    body = p("<w:r><w:fldChar w:fldCharType='begin'/></w:r>" + r("still here"))
    assert text_of(docx(body)) == "still here"


def test_boxes_that_were_ticked_are_shown():
    def box(inside):
        data = f"<w:ffData><w:checkBox>{inside}</w:checkBox></w:ffData>"
        begin = f"<w:r><w:fldChar w:fldCharType='begin'>{data}</w:fldChar></w:r>"
        return begin + "<w:r><w:fldChar w:fldCharType='end'/></w:r>"

    body = p(box("<w:default w:val='0'/><w:checked/>") + r(" yes ") + box("") + r(" no"))
    assert text_of(docx(body)) == "☒ yes ☐ no"


def test_single_letters_are_what_they_look_like():
    letters = "<w:r><w:sym w:font='Symbol' w:char='F06D'/><w:t>g</w:t><w:tab/><w:t>a</w:t>"
    letters += "<w:softHyphen/><w:t>b\u00adc</w:t><w:noBreakHyphen/><w:t>d\uf0b7</w:t></w:r>"
    assert text_of(docx(p(letters))) == "μg abc-d•"


def test_headings_are_known_by_their_styles():
    body = (
        p(r("Report"), styled("T")) + p(r("One"), styled("H1")) + p(r("Own style"), styled("Own"))
    )
    body += p(r("German"), styled("b2")) + p(r("Deep"), styled("O3")) + p(r("body"), styled("loop"))
    body += p(r("Contents"), styled("TH")) + p(r("Direct"), "<w:outlineLvl w:val='0'/>")
    assert titles(docx(body, styles=HEADINGS)) == [
        ("1", "Report"), ("2", "One"), ("3", "Own style"), ("3.1", "German"), ("3.1.1", "Deep"),
        ("4", "Direct"),
    ]  # fmt: skip


def test_the_title_comes_from_the_properties_else_from_the_text():
    body = p(r("Heading"), styled("H1")) + p(r("The Title"), styled("T"))
    parts = docx(body, styles=HEADINGS)
    assert read(parts).documents[0].title == "The Title"
    core = "<c xmlns:dc='http://purl.org/dc/elements/1.1/'><dc:title>{}</dc:title></c>"
    assert read(parts | {"docProps/core.xml": core.format("Annual Report")}).documents[0].title == (
        "Annual Report"
    )
    named = parts | {"docProps/core.xml": core.format("Microsoft Word - x.doc")}
    assert read(named).documents[0].title == "The Title"


def level(number, form, text, more=""):
    return (
        f"<w:lvl w:ilvl='{number}'><w:start w:val='1'/><w:numFmt w:val='{form}'/>{more}"
        f"<w:lvlText w:val='{text}'/></w:lvl>"
    )


def item(text, number="1", depth=0):
    return p(r(text), f"<w:numPr><w:ilvl w:val='{depth}'/><w:numId w:val='{number}'/></w:numPr>")


NUMBERING = (
    "<w:abstractNum w:abstractNumId='0'>"
    + level(0, "decimal", "%1.") + level(1, "lowerLetter", "%1.%2)") + level(2, "upperRoman", "%3")
    + "</w:abstractNum><w:abstractNum w:abstractNumId='1'>" + level(0, "bullet", "\uf0b7")
    + "</w:abstractNum><w:abstractNum w:abstractNumId='2'>"
    + level(0, "decimal", "Article %1", "<w:pStyle w:val='H1'/>")
    + "</w:abstractNum>"
    "<w:num w:numId='1'><w:abstractNumId w:val='0'/></w:num>"
    "<w:num w:numId='2'><w:abstractNumId w:val='1'/></w:num>"
    "<w:num w:numId='3'><w:abstractNumId w:val='2'/></w:num>"
    "<w:num w:numId='4'><w:abstractNumId w:val='0'/><w:lvlOverride w:ilvl='0'>"
    "<w:startOverride w:val='5'/></w:lvlOverride></w:num>"
)  # fmt: skip


def test_numbered_paragraphs_have_their_numbers():
    body = item("a") + item("b", depth=1) + item("c", depth=1) + item("deep", depth=2) + item("d")
    body += item("again", depth=1) + item("dot", "2") + item("five", "4") + item("not", "0")
    assert text_of(docx(body, numbering=NUMBERING)).splitlines() == [
        "1. a", "1.a) b", "1.b) c", "I deep", "2. d", "2.a) again", "- dot", "5. five", "", "not",
    ]  # fmt: skip


def test_numbers_of_a_style_are_part_of_the_heading():
    styles = (
        "<w:style w:type='paragraph' w:styleId='H1'><w:name w:val='heading 1'/><w:pPr><w:numPr>"
        "<w:numId w:val='3'/></w:numPr></w:pPr></w:style>"
    )
    body = p(r("Scope"), styled("H1")) + p(r("Term"), styled("H1"))
    assert titles(docx(body, styles=styles, numbering=NUMBERING)) == [
        ("1", "Article 1 Scope"), ("2", "Article 2 Term"),
    ]  # fmt: skip


def cell(text, properties=""):
    return f"<w:tc><w:tcPr>{properties}</w:tcPr>{text if '<' in text else p(r(text))}</w:tc>"


def row(*cells, properties=""):
    return f"<w:tr><w:trPr>{properties}</w:trPr>{''.join(cells)}</w:tr>"


def test_rows_have_their_headers_also_under_merged_cells():
    header = "<w:tblHeader/>"
    table = "<w:tbl>" + row(cell(""), cell("Revenue", "<w:gridSpan w:val='2'/>"), properties=header)
    table += row(cell(""), cell("2023"), cell("2022"), properties=header)
    table += row(cell("Europe", "<w:vMerge w:val='restart'/>"), cell("5"), cell("4"))
    table += row(cell("", "<w:vMerge/>"), cell("6"), cell("3")) + "</w:tbl>"
    assert text_of(docx(table)).splitlines()[2:] == [
        "Europe | Revenue / 2023: 5 | Revenue / 2022: 4",
        "Europe | Revenue / 2023: 6 | Revenue / 2022: 3",
    ]


def test_columns_are_named_where_the_first_row_plainly_does():
    rows = [("Region", "2023", "2022"), ("Europe", "5.1", "4"), ("Asia", "7", "6")]
    table = "<w:tbl>" + "".join(row(*map(cell, each)) for each in rows) + "</w:tbl>"
    assert text_of(docx(table)).splitlines()[1] == "Region: Europe | 2023: 5.1 | 2022: 4"
    form = "<w:tbl>" + row(cell("Name"), cell("Ann")) + row(cell("Age"), cell("30")) + "</w:tbl>"
    assert text_of(docx(form)) == "Name | Ann\nAge | 30"


def test_rows_typed_into_the_cells_of_one_row_are_rows():
    names = "<w:tc>" + "".join(p(r(name)) for name in ("Gross", "", "Levies", "Net")) + "</w:tc>"
    two = "<w:r><w:t>499</w:t><w:br/><w:t>21,855</w:t></w:r>"
    figures = "<w:tc>" + p(r("24,960")) + p("") + p(two) + p("") + "</w:tc>"

    assert text_of(docx(f"<w:tbl>{row(names, figures)}</w:tbl>")).splitlines() == [
        "Gross | 24,960",
        "Levies | 499",
        "Net | 21,855",
    ]


def test_cells_of_several_paragraphs_that_are_no_rows_stay_together():
    address = "<w:tc>" + p(r("Ann")) + p(r("Vale 2")) + p(r("Lund")) + "</w:tc>"
    words = "<w:tc>" + p(r("likes")) + p(r("long")) + p(r("walks")) + "</w:tc>"
    shorter = "<w:tc>" + p(r("1")) + p(r("2")) + "</w:tc>"

    table = f"<w:tbl>{row(address, words)}{row(address, shorter)}</w:tbl>"
    assert text_of(docx(table)).splitlines() == [
        "Ann Vale 2 Lund | likes long walks",
        "Ann Vale 2 Lund | 1 2",
    ]


def test_a_table_in_a_cell_stays_in_its_cell():
    inner = "<w:tbl>" + row(cell("x"), cell("1")) + row(cell("y"), cell("2")) + "</w:tbl>"
    table = "<w:tbl>" + row(cell("outer"), cell(inner + p(""))) + "</w:tbl>"
    assert text_of(docx(table)) == "outer | x | 1; y | 2"


def test_a_table_that_only_frames_text_is_text():
    inside = p(r("Heading"), styled("H1")) + p(r("Text."))
    table = "<w:tbl>" + row(cell(inside)) + "</w:tbl>"
    assert titles(docx(table, styles=HEADINGS)) == [("1", "Heading")]


def test_equations_keep_what_stands_above_and_below():
    def text(letters):
        return f"<m:r><m:t>{letters}</m:t></m:r>"

    fraction = f"<m:f><m:num>{text('a+b')}</m:num><m:den>{text('c')}</m:den></m:f>"
    power = f"<m:sSup><m:e>{text('x')}</m:e><m:sup>{text('2')}</m:sup></m:sSup>"
    body = p(r("So") + f"<m:oMath>{text('y=')}{power}{text('+')}{fraction}</m:oMath>")
    assert text_of(docx(body)) == "So y=x^2+(a+b)/c"


CHART = root(
    "c:chartSpace",
    """<c:chart><c:title><c:tx><c:rich><a:p><a:r><a:t>Sales</a:t></a:r></a:p></c:rich></c:tx>
    </c:title><c:plotArea><c:barChart><c:ser><c:tx><c:strRef><c:strCache>
    <c:pt idx="0"><c:v>2023</c:v>
    </c:pt></c:strCache></c:strRef></c:tx><c:cat><c:strRef><c:strCache><c:pt idx="0"><c:v>Asia</c:v>
    </c:pt><c:pt idx="1"><c:v>Europe</c:v></c:pt></c:strCache></c:strRef></c:cat><c:val><c:numRef>
    <c:numCache><c:formatCode>0.0%</c:formatCode><c:pt idx="0"><c:v>0.125</c:v></c:pt><c:pt idx="1">
    <c:v>0.30000000000000004</c:v></c:pt></c:numCache></c:numRef></c:val></c:ser></c:barChart>
    </c:plotArea></c:chart>""",
)


def test_the_values_of_a_chart_are_a_table():
    body = p("<w:r><w:drawing><c:chart r:id='r8'/></w:drawing></w:r>")
    parts = docx(body, named={"r8": ("chart", "charts/chart1.xml")})
    parts |= {"word/charts/chart1.xml": CHART}
    assert text_of(parts) == "[chart: Sales]\n\n2023\nAsia | 2023: 12.5%\nEurope | 2023: 30.0%"


def test_embedded_files_are_documents_of_their_own():
    inner = zipped(docx(p(r("I am inside"))))
    named = {"r7": ("package", "embeddings/Inner.docx"), "r9": ("image", "http://x/y.png", True)}
    parts = docx(p(r("Outside")), named=named) | {"word/embeddings/Inner.docx": inner}
    found = read(parts, "a.docx").documents
    assert [(each.path, each.text) for each in found] == [
        ("a.docx", "Outside\n"), ("a.docx#Inner.docx", "I am inside\n"),
    ]  # fmt: skip


def test_a_document_that_only_holds_another_is_not_lost():
    inner = zipped(docx(p(r("I am inside"))))
    parts = docx(p(""), named={"r7": ("package", "embeddings/Inner.docx")})
    found = read(parts | {"word/embeddings/Inner.docx": inner}, "a.docx")
    assert [each.path for each in found.documents] == ["a.docx#Inner.docx"]
    assert found.problems == ("'a.docx' holds no text but that of its embedded files",)


def test_a_damaged_note_part_is_named_and_the_rest_is_read():
    parts = docx(p(r("Text")), footnotes="") | {"word/footnotes.xml": "<w:footnotes"}
    found = read(parts)
    assert found.documents[0].text == "Text\n"
    assert "word/footnotes.xml" in found.problems[0]


def test_the_strict_form_and_odd_names_of_parts_are_read():
    parts = docx(p(r("Strict")))
    strict = {
        "_rels/.rels": relationships(r1=("officeDocument", "/word/document2.xml")),
        "Word\\document2.xml": parts["word/document.xml"].replace(
            "http://schemas.openxmlformats.org/wordprocessingml/2006/main",
            "http://purl.oclc.org/ooxml/wordprocessingml/main",
        ),
        "word/x.xml": "<x/>",
    }
    assert text_of(strict) == "Strict"


def test_the_kind_is_known_by_what_is_inside():
    content = zipped(docx(p(r("x"))))
    assert kind_of("renamed.txt", content).name == "docx"
    assert kind_of("", content[: len(content) // 2]).name == "docx"
    assert kind_of("a.zip", zipped({"notes/word/a.txt": "x"})).name == "text"


def refused(parts):
    with pytest.raises(DocumentError) as caught:
        read(parts)
    assert "file.docx" in str(caught.value)
    return caught.value.reason


def test_declared_entities_are_refused_in_every_part():
    hostile = '<!DOCTYPE a [<!ENTITY b "c">]><w:styles/>'
    assert refused(docx(p(r("x")), styles="") | {"word/styles.xml": hostile}) == Reason.UNSAFE


def test_tables_inside_tables_without_end_are_refused():
    depth = 60
    opened = "<w:tbl><w:tr><w:tc>" * depth
    body = opened + p(r("x")) + "</w:tc></w:tr></w:tbl>" * depth
    assert refused(docx(body)) == Reason.UNSAFE


def test_what_nests_deep_is_read_and_what_nests_without_end_is_refused():
    assert text_of(docx("<w:sdt>" * 380 + p(r("x")) + "</w:sdt>" * 380)) == "x"
    assert refused(docx("<w:sdt>" * 420 + p(r("x")) + "</w:sdt>" * 420)) == Reason.UNSAFE
    fraction = "<m:r><m:t>x</m:t></m:r>"
    for _ in range(190):
        fraction = f"<m:f><m:num>{fraction}</m:num></m:f>"
    assert refused(docx(p(f"<m:oMath>{fraction}</m:oMath>"))) == Reason.UNSAFE


def test_wide_cells_take_no_memory():
    wide = row(*[cell("x", "<w:gridSpan w:val='999999999'/>")] * 3)
    assert text_of(docx(f"<w:tbl>{wide}</w:tbl>")) == "x | x | x"


def test_a_table_too_large_to_lay_out_is_refused():
    rows = "".join(
        row(cell("x"), properties=f"<w:gridBefore w:val='{number}'/>") for number in range(1_200)
    )
    assert refused(docx(f"<w:tbl>{rows}</w:tbl>")) == Reason.UNSAFE
