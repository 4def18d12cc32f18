"""Workbooks as their sheets show them: written by openpyxl and xlwt, or part by part."""

from datetime import date, datetime
from io import BytesIO
from zipfile import ZIP_DEFLATED, ZipFile

import openpyxl
import pytest
import xlwt
from documents.hostile_files import xlsx
from openpyxl.comments import Comment
from openpyxl.styles import Font
from openpyxl.worksheet.table import Table

from docpager.core.errors import DocumentError
from docpager.documents.carried import Instructions, read_content
from docpager.documents.office import spreadsheets
from docpager.documents.office.sheet_rows import Cell
from docpager.documents.reasons import Reason
from docpager.documents.signatures import kind_of

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def saved(book):
    stream = BytesIO()
    book.save(stream)
    return stream.getvalue()


def read(content, path="book.xlsx"):
    (document,) = read_content(content, path, Instructions()).documents
    return document


def sheet_of(rows, **formats):
    book = openpyxl.Workbook()
    sheet = book.active
    for row in rows:
        sheet.append(row)
    for address, code in formats.items():
        sheet[address].number_format = code
    return book, sheet


def lines(book):
    return [line for line in read(saved(book)).text.split("\n")[2:] if line]


def package(sheet, *, strings="", styles="", book="", more=()):
    """A workbook of one sheet, from the XML of its parts."""
    related = [("sheet1", "worksheet", "worksheets/sheet1.xml")]
    related += [("strings", "sharedStrings", "sharedStrings.xml")] if strings else []
    related += [("styles", "styles", "styles.xml")] if styles else []
    parts = {
        "_rels/.rels": relationships([("book", "officeDocument", "xl/workbook.xml")]),
        "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}">{book}<sheets>'
        '<sheet name="One" sheetId="1" r:id="sheet1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": relationships(related),
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{MAIN}">{sheet}</worksheet>',
        "xl/sharedStrings.xml": f'<sst xmlns="{MAIN}">{strings}</sst>',
        "xl/styles.xml": f'<styleSheet xmlns="{MAIN}">{styles}</styleSheet>',
        **dict(more),
    }
    return zipped(parts)


def zipped(parts):
    stream = BytesIO()
    with ZipFile(stream, "w", ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return stream.getvalue()


def relationships(related):
    listed = "".join(
        f'<Relationship Id="{name}" Type="{OFFICE}/{kind}" Target="{target}"/>'
        for name, kind, target in related
    )
    names = "http://schemas.openxmlformats.org/package/2006/relationships"
    return f'<Relationships xmlns="{names}">{listed}</Relationships>'


def test_values_are_those_that_the_sheet_shows():
    rows = [
        ["Region", "Share", "Sales", "Since", "Code", "Open"],
        ["North", 0.125, -1234.5, date(2023, 3, 15), "00123", True],
        ["NA", 0.000000025, 1234567890.5, datetime(2023, 3, 15, 18, 30), "1e5", False],
    ]
    formats = {"B2": "0.0%", "C2": "#,##0.00_);(#,##0.00)", "D2": "d mmm yyyy", "D3": "hh:mm"}
    book, _ = sheet_of(rows, **formats)
    assert lines(book) == [
        "Row 1: Region | Share | Sales | Since | Code | Open",
        "Row 2: Region: North | Share: 12.5% | Sales: (1,234.50) | Since: 15 Mar 2023"
        " | Code: 00123 | Open: TRUE",
        "Row 3: Region: NA | Share: 2.5E-08 | Sales: 1234567890.5 | Since: 18:30"
        " | Code: 1e5 | Open: FALSE",
    ]


def test_each_sheet_is_a_page_and_a_hidden_one_says_so():
    book, sheet = sheet_of([["Sales of the year"]])
    sheet.title = "Sales & more"
    book.create_sheet("Empty")
    book.create_sheet("Secret").append(["Margin"])
    book["Secret"].sheet_state = "hidden"
    document = read(saved(book))
    said = [
        (page.number, page.label, document.text[page.start : page.end].split("\n"))
        for page in document.pdf_pages
    ]
    assert said == [
        (1, "Sales & more", ["Sales & more", "", "Row 1: Sales of the year", "", ""]),
        (2, "Empty", [""]),
        (3, "Secret", ["Secret", "", "[hidden sheet]", "Row 1: Margin", ""]),
    ]
    assert [section.title for section in document.sections] == ["Sales & more", "Secret"]
    assert document.kind == "xlsx"


def test_hidden_rows_and_columns_and_comments_are_marked():
    book, sheet = sheet_of([["Item", "Cost", "Price"], ["Pen", 1, 2], ["Ink", 3, 4]])
    sheet.row_dimensions[2].hidden = True
    sheet.column_dimensions["B"].hidden = True
    sheet["C3"].comment = Comment("Ann:\nnot yet agreed", "Ann")
    sheet["A9"].comment = Comment("to be filled in", "Bo")
    assert lines(book) == [
        "Row 1: Item | [hidden column: Cost] | Price",
        "Row 2: [hidden row] Item: Pen | Cost: [hidden column: 1] | Price: 2",
        "Row 3: Item: Ink | Cost: [hidden column: 3] | Price: 4 [comment by Ann: not yet agreed]",
        "Row 9: [comment by Bo: to be filled in]",
    ]


def test_merged_headers_name_every_column_beneath_them_and_stand_once():
    book, sheet = sheet_of(
        [
            ["Annual report"],
            ["Region", "Sales", None, "Costs", None],
            [None, 2022, 2023, 2022, 2023],
            ["North", 1, 2, 3, 4],
            ["South", 5, 6, 7, 8],
        ]
    )
    for merged in ("A1:E1", "A2:A3", "B2:C2", "D2:E2"):
        sheet.merge_cells(merged)
    assert lines(book) == [
        "Row 1: Annual report",
        "Row 2: Region | Sales | Costs",
        "Row 3: 2022 | 2023 | 2022 | 2023",
        "Row 4: Region: North | Sales / 2022: 1 | Sales / 2023: 2 | Costs / 2022: 3"
        " | Costs / 2023: 4",
        "Row 5: Region: South | Sales / 2022: 5 | Sales / 2023: 6 | Costs / 2022: 7"
        " | Costs / 2023: 8",
    ]


def test_several_tables_of_a_sheet_have_headers_of_their_own():
    book, _ = sheet_of(
        [
            ["Prices"],
            ["Printed on", date(2024, 1, 2)],
            ["Item", "Maker", "Price"],
            ["Pen", "A", 2],
            ["Ink", "B", 4],
            [],
            ["Paper", "C", 7],
            [],
            ["Staff"],
            ["Name", "Town"],
            ["Ann", "Ulm"],
            ["Bo", "Kiel"],
            [],
            ["Total", 13],
        ],
        B2="yyyy-mm-dd",
    )
    book.active["A10"].font = book.active["B10"].font = Font(bold=True)
    assert lines(book) == [
        "Row 1: Prices",
        "Row 2: Printed on | 2024-01-02",
        "Row 3: Item | Maker | Price",
        "Row 4: Item: Pen | Maker: A | Price: 2",
        "Row 5: Item: Ink | Maker: B | Price: 4",
        "Row 7: Item: Paper | Maker: C | Price: 7",
        "Row 9: Staff",
        "Row 10: Name | Town",
        "Row 11: Name: Ann | Town: Ulm",
        "Row 12: Name: Bo | Town: Kiel",
        "Row 14: Name: Total | Town: 13",
    ]


def test_a_table_that_says_where_its_header_is_is_believed():
    book, sheet = sheet_of([["a", "b"], ["c", "d"], ["e", "f"]])
    sheet.add_table(Table(displayName="T", ref="A1:B3"))
    assert lines(book) == ["Row 1: a | b", "Row 2: a: c | b: d", "Row 3: a: e | b: f"]


def test_a_form_without_a_header_gets_none():
    book, _ = sheet_of([["Name", "Ann"], ["Town", "Ulm"], ["Age", 40]])
    assert lines(book) == ["Row 1: Name | Ann", "Row 2: Town | Ulm", "Row 3: Age | 40"]


def test_formulas_without_a_value_are_named_and_their_sheets_in_doubt():
    book, _ = sheet_of([["a", 1], ["b", 2], ["sum", "=B1+B2"]])
    book.create_sheet("Plain").append(["nothing", 1])
    document = read(saved(book))
    assert "Row 3: sum | [formula without a value: =B1+B2]" in document.text
    assert document.doubtful == ((1, Reason.UNCALCULATED),)


def test_a_formula_shows_its_value_and_an_error_its_name():
    content = package(
        '<sheetData><row r="2"><c r="A2"><f>1+1</f><v>2</v></c>'
        '<c r="B2" t="str"><f>A1</f><v></v></c><c r="C2" t="e"><f>1/0</f><v>#DIV/0!</v></c>'
        '<c r="D2" t="str"><f>"a"</f><v>text</v></c></row></sheetData>'
    )
    document = read(content)
    assert document.text == "One\n\nRow 2: 2 | #DIV/0! | text\n"
    assert document.doubtful == ()


def test_values_that_wait_to_be_calculated_put_their_sheet_in_doubt():
    rows = '<sheetData><row r="1"><c r="A1"><f>1+1</f><v>0</v></c></row></sheetData>'
    document = read(package(rows, book='<calcPr fullCalcOnLoad="1"/>'))
    assert document.doubtful == ((1, Reason.UNCALCULATED),)


def test_texts_of_every_form_are_read_without_what_stands_above_them():
    strings = (
        "<si><t>plain</t></si>"
        "<si><r><t>in </t></r><r><t>runs</t></r><rPh><t>reading</t></rPh></si>"
        "<si><t>a_x000D_\nb</t></si>"
    )
    cells = "".join(f'<c t="s"><v>{n}</v></c>' for n in range(4))
    rows = f'<sheetData><row>{cells}<c t="inlineStr"><is><t>inline</t></is></c></row></sheetData>'
    assert read(package(rows, strings=strings)).text == (
        "One\n\nRow 1: plain | in runs | a b | inline\n"
    )


def test_days_may_be_counted_from_1904_and_dates_written_out():
    rows = (
        '<sheetData><row><c s="1"><v>0</v></c><c s="1" t="d"><v>2023-03-15T00:00:00</v></c>'
        "</row></sheetData>"
    )
    styles = (
        '<numFmts><numFmt numFmtId="164" formatCode="d mmm yyyy"/></numFmts>'
        '<cellXfs><xf numFmtId="0"/><xf numFmtId="164"/></cellXfs>'
    )
    book = '<workbookPr date1904="1"/>'
    assert "Row 1: 1 Jan 1904 | 15 Mar 2023" in read(package(rows, styles=styles, book=book)).text


def test_charts_and_text_boxes_stand_after_the_cells():
    drawing = (
        '<d xmlns="x"><sp><txBody><p><r><t>Read </t></r><r><t>me</t></r></p></txBody></sp></d>'
    )
    chart = '<c xmlns="x"><chart><title><p><t>Sales by region</t></p></title></chart></c>'
    more = {
        "xl/worksheets/_rels/sheet1.xml.rels": relationships(
            [("r1", "drawing", "../drawings/drawing1.xml")]
        ),
        "xl/drawings/drawing1.xml": drawing,
        "xl/drawings/_rels/drawing1.xml.rels": relationships(
            [("r1", "chart", "../charts/chart1.xml")]
        ),
        "xl/charts/chart1.xml": chart,
    }
    rows = '<sheetData><row><c t="str"><v>cell</v></c></row></sheetData>'
    assert read(package(rows, more=more)).text == (
        "One\n\nRow 1: cell\n\n[text box: Read me]\n[chart: Sales by region]\n"
    )


def test_a_cell_at_the_far_corner_makes_no_rows_before_it():
    rows = (
        '<dimension ref="A1:XFD1048576"/><sheetData><row r="1"><c r="A1"><v>1</v></c></row>'
        '<row r="1048576"><c r="XFD1048576"><v>2</v></c></row></sheetData>'
    )
    assert read(package(rows)).text == "One\n\nRow 1: 1\n\nRow 1048576: 2\n"


def test_too_many_cells_are_a_named_error():
    counting = spreadsheets.Cells("book.xlsx", most=199)
    rows = [spreadsheets.SheetRow(1, [Cell(1, "cell")] * 100)] * 2
    with pytest.raises(DocumentError, match=r"'book\.xlsx' holds more than 199 cells") as caught:
        list(counting.counted(rows))
    assert caught.value.reason == Reason.TOO_LARGE


def test_entities_in_a_sheet_are_not_read():
    content = package("<sheetData/>")
    archive = ZipFile(BytesIO(content))
    parts = {name: archive.read(name) for name in archive.namelist()}
    parts["xl/worksheets/sheet1.xml"] = (
        b'<!DOCTYPE a [<!ENTITY b "c">]><worksheet><sheetData/></worksheet>'
    )
    with pytest.raises(DocumentError) as caught:
        read(zipped(parts))
    assert caught.value.reason == Reason.UNSAFE


def test_a_workbook_is_known_by_its_content_whatever_it_is_called():
    book, _ = sheet_of([["a", 1]])
    assert kind_of("report.bin", saved(book)).name == "xlsx"
    assert read(saved(book), "report.xls").kind == "xlsx"


def old_workbook():
    book = xlwt.Workbook()
    sheet = book.add_sheet("Old")
    bold = xlwt.easyxf("font: bold on")
    for column, name in enumerate(["Region", "Share", "Since"]):
        sheet.write(1, column, name, bold)
    sheet.write_merge(0, 0, 0, 2, "Title")
    sheet.write(2, 0, "North")
    sheet.write(2, 1, 0.125, xlwt.easyxf(num_format_str="0.0%"))
    sheet.write(2, 2, date(2023, 3, 15), xlwt.easyxf(num_format_str="D-MMM-YY"))
    sheet.write(3, 0, "South")
    sheet.row(3).hidden = True
    hidden = book.add_sheet("Hidden")
    hidden.write(0, 0, True)
    hidden.visibility = 1
    return saved(book)


def test_old_workbooks_are_read_with_their_formats():
    document = read(old_workbook(), "old.xls")
    assert document.kind == "xls"
    assert document.text == (
        "Old\n\nRow 1: Title\nRow 2: Region | Share | Since\n"
        "Row 3: Region: North | Share: 12.5% | Since: 15-Mar-23\nRow 4: [hidden row] South\n\n"
        "Hidden\n\n[hidden sheet]\nRow 1: TRUE\n"
    )


@pytest.mark.parametrize("cut", [600, 1500, 3000])
def test_a_torn_old_workbook_is_named_damaged_or_read_in_part(cut):
    try:
        assert read(old_workbook()[:cut], "old.xls").kind == "xls"
    except DocumentError as error:
        assert error.reason in (Reason.DAMAGED, Reason.EMPTY)


def test_a_table_saved_as_text_under_the_ending_of_a_workbook_is_read():
    document = read(b"Region\tSales\nNorth\t12\nSouth\t7\n", "export.xls")
    assert document.kind == "csv"
    assert "Row 2: Region: North | Sales: 12" in document.text


ODS = (
    '<office:document-content xmlns:office="o" xmlns:table="t" xmlns:text="x" xmlns:style="s" '
    'xmlns:fo="f" xmlns:dc="d" xmlns:draw="w"><office:automatic-styles>'
    '<style:style style:name="hid" style:family="table">'
    '<style:table-properties table:display="false"/></style:style>'
    '<style:style style:name="b" style:family="table-cell">'
    '<style:text-properties fo:font-weight="bold"/></style:style></office:automatic-styles>'
    "<office:body><office:spreadsheet>{}</office:spreadsheet></office:body>"
    "</office:document-content>"
)


def ods(tables, **parts):
    kind = "application/vnd.oasis.opendocument.spreadsheet"
    return zipped({"mimetype": kind, "content.xml": ODS.format(tables), **parts})


def cell(text, more="", inside=""):
    return f"<table:table-cell {more}><text:p>{text}</text:p>{inside}</table:table-cell>"


TWO_WIDE = 'table:number-columns-spanned="2"'
TWO_SPACES = 'No<text:s text:c="2"/>rth'
UNCALCULATED = '<table:table-cell table:formula="of:=[.A1]+1"/>'


def test_ods_shows_the_text_of_its_cells_with_repeats_spans_and_what_is_hidden():
    comment = (
        "<office:annotation><dc:creator>Ann</dc:creator><text:p>check</text:p></office:annotation>"
    )
    number = 'office:value-type="float" office:value="0.125"'
    document = read(
        ods(
            '<table:table table:name="One"><table:table-column table:number-columns-repeated="2"/>'
            '<table:table-column table:visibility="collapse"/>'
            f"<table:table-row>{cell('Region')}"
            f"{cell('Share', TWO_WIDE)}<table:covered-table-cell/>"
            "</table:table-row>"
            f"<table:table-row><table:table-cell/>{cell('2022')}{cell('2023')}</table:table-row>"
            f"<table:table-row>{cell(TWO_SPACES)}"
            f"{cell('12.5 %', number, comment)}{cell('7', number)}</table:table-row>"
            '<table:table-row table:number-rows-repeated="1048000"><table:table-cell '
            'table:number-columns-repeated="16384"/></table:table-row>'
            '<table:table-row table:number-rows-repeated="2" table:visibility="filter">'
            f"{cell('Last')}</table:table-row></table:table>"
            '<table:table table:name="Two" table:style-name="hid">'
            f"<table:table-row>{cell('x')}{UNCALCULATED}</table:table-row></table:table>"
        ),
        "a.ods",
    )
    assert document.text == (
        "One\n\nRow 1: Region | Share\nRow 2: 2022 | [hidden column: 2023]\n"
        "Row 3: Region: No rth | Share / 2022: 12.5 % [comment by Ann: check]"
        " | Share / 2023: [hidden column: 7]\n\n"
        "Row 1048004: [hidden row] Last\nRow 1048005: [hidden row] Last\n\n"
        "Two\n\n[hidden sheet]\nRow 1: x | [formula without a value: =[.A1]+1]\n"
    )
    assert document.kind == "ods"
    assert document.doubtful == ((2, Reason.UNCALCULATED),)


def test_an_ods_of_repeats_without_end_is_a_named_error():
    many = 'table:number-columns-repeated="16384"'
    rows = f'<table:table-row table:number-rows-repeated="1048576">{cell("x", many)}'
    with pytest.raises(DocumentError, match="more than 5,000,000 cells") as caught:
        read(ods(f'<table:table table:name="One">{rows}</table:table-row></table:table>'), "a.ods")
    assert caught.value.reason == Reason.TOO_LARGE


def test_an_encrypted_ods_is_named():
    manifest = '<manifest xmlns="m"><file-entry><encryption-data/></file-entry></manifest>'
    with pytest.raises(DocumentError) as caught:
        read(ods("", **{"META-INF/manifest.xml": manifest}), "a.ods")
    assert caught.value.reason == Reason.ENCRYPTED


def test_an_ods_cell_whose_writer_left_out_its_text_shows_its_value():
    values = [
        ("float", "value", "12.50"),
        ("percentage", "value", "0.125"),
        ("percentage", "value", "1"),
        ("date", "date-value", "2023-03-15"),
        ("boolean", "boolean-value", "true"),
        ("string", "string-value", "words"),
        ("float", "value", "no number"),
    ]
    cells = "".join(
        f'<table:table-cell office:value-type="{kind}" office:{name}="{value}"/>'
        for kind, name, value in values
    )
    rows = f"<table:table-row>{cells}</table:table-row>"
    document = read(ods(f'<table:table table:name="One">{rows}</table:table>'), "a.ods")
    assert document.text == "One\n\nRow 1: 12.5 | 12.5% | 100% | 2023-03-15 | TRUE | words\n"


def test_a_text_that_spells_out_an_escape_is_unescaped_once():
    book = xlsx(
        '<row><c t="s"><v>0</v></c><c t="str"><v>a_x0041_</v></c></row>',
        strings="<si><t>_x005F_x0041_</t></si>",
    )
    (document,) = read_content(zipped(book), "a.xlsx", Instructions()).documents
    assert "Row 1: _x0041_ | aA" in document.text


def test_a_part_that_several_sheets_name_is_read_once():
    book = zipped(xlsx('<row><c t="n"><v>7</v></c></row>', sheets=3))
    found = read_content(book, "a.xlsx", Instructions())
    assert found.documents[0].text.count("Row 1: 7") == 1
    assert found.problems == ("'a.xlsx': 2 of its sheets are others again, and were read once",)
