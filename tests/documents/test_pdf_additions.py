"""What was added to a PDF: form values, notes, attached files, bookmarks that lead nowhere."""

import io

import pytest
from make_pdf import make_pdf
from page_pdf import FIRST_OBJECT, page_pdf, text_at
from pypdf import PdfReader, PdfWriter
from pypdf.annotations import FreeText, Text

from docpager.documents.files import read_file
from docpager.documents.pdf import read_pdf
from docpager.documents.reader_process import ReadingJob, read_and_cut

PAGE = text_at(72, 700, "Name of vessel:") + text_at(72, 670, "Liveaboard:")


def form(*fields, drawn=PAGE):
    """A PDF of one page with the given form fields."""
    numbers = " ".join(f"{10 + n} 0 R" for n in range(len(fields)))
    return page_pdf(
        drawn,
        objects=[f"<< /Type /Annot /Subtype /Widget /F 4 {field} >>" for field in fields],
        pages=[f"/MediaBox [0 0 612 792] /Annots [{numbers}]"],
        catalog=f"/AcroForm << /Fields [{numbers}] >>",
    )


def field(kind, name, value, *, rect="220 695 420 713", more=""):
    return f"/FT /{kind} /T ({name}) /V {value} /Rect [{rect}] {more}"


def text_of(content):
    return read_pdf(content, "a.pdf").text


def test_a_form_value_stands_beside_its_label():
    content = form(field("Tx", "vessel", "(Gannet Rock)"))

    assert text_of(content) == "Name of vessel: Gannet Rock\nLiveaboard:\n"


def test_the_chosen_option_is_read():
    options = "/Opt [[(s) (Summer)] [(w) (Winter)]] /Ff 131072"

    assert "Name of vessel: Summer" in text_of(form(field("Ch", "season", "(s)", more=options)))


@pytest.mark.parametrize(("state", "shown"), [("Yes", "[x]"), ("Off", "[ ]")])
def test_a_box_says_whether_it_is_ticked(state, shown):
    states = f"/AS /{state} /AP << /N << /Yes 20 0 R /Off 20 0 R >> >>"
    content = form(field("Btn", "live", f"/{state}", rect="220 666 234 680", more=states))

    assert f"Liveaboard: {shown}" in text_of(content)


def test_a_value_between_two_labels_of_one_line_stands_there():
    drawn = text_at(72, 700, "From:") + text_at(300, 700, "To: the quay")
    content = form(field("Tx", "from", "(May 3)", rect="110 695 200 713"), drawn=drawn)

    assert text_of(content).split() == ["From:", "May", "3", "To:", "the", "quay"]


def test_a_value_without_a_label_stands_at_the_end_with_its_name():
    content = form(field("Tx", "policy", "(ZX-40917-B)", rect="220 100 420 118"))

    assert text_of(content).endswith("\npolicy: ZX-40917-B\n")


@pytest.mark.parametrize("more", ["/Ff 8192", "/F 2"])
def test_secrets_and_hidden_fields_are_left_out(more):
    content = form(field("Tx", "secret", "(hunter2)", more=more).replace("/F 4", ""))

    assert "hunter2" not in text_of(content.replace(b"/F 4 /FT", b"/FT"))


def annotated(*annotations):
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(make_pdf(["Draft lease, clause 7."]))))
    for annotation in annotations:
        writer.add_annotation(0, annotation)
    content = io.BytesIO()
    writer.write(content)
    return content.getvalue()


def test_text_typed_onto_a_page_is_marked_as_added():
    note = FreeText(text="monthly rent of 1,450", rect=(72, 600, 400, 640))

    assert text_of(annotated(note)) == (
        "Draft lease, clause 7.\n[Text added to the page: monthly rent of 1,450]\n"
    )


def test_a_comment_is_marked_as_one():
    note = Text(text="strike clause 7", rect=(300, 730, 320, 750))

    assert "[Comment: strike clause 7]" in text_of(annotated(note))


def carrying(**files):
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(make_pdf(["Cover sheet"]))))
    for name, content in files.items():
        writer.add_attachment(name.replace("_", "."), content)
    content = io.BytesIO()
    writer.write(content)
    return content.getvalue()


def read_named(tmp_path, content):
    path = tmp_path / "bundle.pdf"
    path.write_bytes(content)
    return read_file(path, "bundle.pdf")


def test_attached_files_are_documents_of_their_own(tmp_path):
    inner = make_pdf(["Board minutes: contract awarded"])
    found = read_named(tmp_path, carrying(ledger_txt=b"Invoice 7731: 4,250", minutes_pdf=inner))

    assert {document.path: document.text for document in found.documents} == {
        "bundle.pdf": "Cover sheet\n",
        "bundle.pdf#ledger.txt": "Invoice 7731: 4,250",
        "bundle.pdf#minutes.pdf": "Board minutes: contract awarded\n",
    }
    assert len({document.sha256 for document in found.documents}) == 3


def test_a_file_attached_to_an_attached_file_is_read(tmp_path):
    inner = carrying(deep_txt=b"deep words")
    found = read_named(tmp_path, carrying(inner_pdf=inner))

    assert "bundle.pdf#inner.pdf#deep.txt" in [document.path for document in found.documents]


def test_an_attached_file_that_cannot_be_read_is_named(tmp_path):
    found = read_named(tmp_path, carrying(sheet_xlsb=b"PK", broken_pdf=b"%PDF-1.4 nothing"))

    assert [document.path for document in found.documents] == ["bundle.pdf"]
    assert "'bundle.pdf#sheet.xlsb' is attached and was not read" in found.problems[0] + str(
        found.problems[1]
    )
    assert any("bundle.pdf#broken.pdf" in problem for problem in found.problems)


def pinned(*files, embedded="", hidden=False):
    """A cover sheet with files pinned to it, each (its name, content)."""
    streams, pins = [], []
    for n, (name, content) in enumerate(files):
        streams.append(f"<< /Length {len(content)} >>\nstream\n{content}\nendstream")
        pins.append(
            f"<< /Type /Annot /Subtype /FileAttachment /Rect [300 700 320 720] /F {2 * hidden} "
            f"/FS << /Type /Filespec /F ({name}) /EF << /F {FIRST_OBJECT + n} 0 R >> >> >>"
        )
    numbers = " ".join(f"{FIRST_OBJECT + len(files) + n} 0 R" for n in range(len(files)))
    page = f"/MediaBox [0 0 612 792] /Annots [{numbers}]"
    content = page_pdf(text_at(72, 700, "Cover sheet"), objects=[*streams, *pins], pages=[page])
    if not embedded:
        return content
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(content)))
    writer.add_attachment(embedded, dict(files)[embedded].encode())
    again = io.BytesIO()
    writer.write(again)
    return again.getvalue()


@pytest.mark.parametrize("hidden", [False, True])
def test_files_pinned_to_a_page_are_documents_of_their_own(tmp_path, hidden):
    inner = make_pdf(["Board minutes: contract awarded"]).decode("latin-1")
    files = [("ledger.txt", "Invoice 7731: 4,250"), ("minutes.pdf", inner)]
    found = read_named(tmp_path, pinned(*files, hidden=hidden))

    assert {document.path: document.text for document in found.documents} == {
        "bundle.pdf": "Cover sheet\n",
        "bundle.pdf#ledger.txt": "Invoice 7731: 4,250",
        "bundle.pdf#minutes.pdf": "Board minutes: contract awarded\n",
    }
    assert not found.problems


def test_pinned_files_that_cannot_be_read_are_named(tmp_path):
    found = read_named(tmp_path, pinned(("sheet.xlsb", "PK"), ("broken.pdf", "%PDF-1.4 nothing")))

    assert [document.path for document in found.documents] == ["bundle.pdf"]
    assert "'bundle.pdf#sheet.xlsb' is attached and was not read" in found.problems[0]
    assert "bundle.pdf#broken.pdf" in found.problems[1]


def test_a_pin_without_a_file_is_named(tmp_path):
    pin = "<< /Type /Annot /Subtype /FileAttachment /Rect [300 700 320 720] >>"
    page = f"/MediaBox [0 0 612 792] /Annots [{pin}]"
    found = read_named(tmp_path, page_pdf(text_at(72, 700, "Cover sheet"), pages=[page]))

    assert [document.text for document in found.documents] == ["Cover sheet\n"]
    assert "is attached and was not read (damaged)" in found.problems[0]


def test_a_file_that_is_pinned_and_listed_is_read_once(tmp_path):
    files = [("ledger.txt", "Invoice 7731: 4,250"), ("other.txt", "Invoice 12")]
    found = read_named(tmp_path, pinned(*files, embedded="ledger.txt"))

    assert [document.path for document in found.documents] == [
        "bundle.pdf",
        "bundle.pdf#ledger.txt",
        "bundle.pdf#other.txt",
    ]


def test_two_pinned_files_of_one_name_are_both_read(tmp_path):
    found = read_named(tmp_path, pinned(("a.txt", "Invoice 11"), ("a.txt", "Invoice 12")))

    assert {document.path: document.text for document in found.documents[1:]} == {
        "bundle.pdf#a.txt": "Invoice 11",
        "bundle.pdf#a (2).txt": "Invoice 12",
    }


def test_an_attached_scan_does_not_cost_its_cover(tmp_path):
    path = tmp_path / "bundle.pdf"
    path.write_bytes(carrying(scan_pdf=page_pdf("100 100 200 200 re f\n")))
    read = read_and_cut(ReadingJob(path, "bundle.pdf"))

    assert [piece.document.path for piece in read.documents] == ["bundle.pdf"]
    assert "bundle.pdf#scan.pdf" in read.problems[0]


PAGES = [f"Text of sheet {n}" for n in range(1, 9)]
NOWHERE = 99


@pytest.mark.parametrize(
    ("outline", "numbers"),
    [
        (
            [(0, "One", 1), (1, "a", 2), (0, "Two", NOWHERE), (1, "b", 5), (0, "Three", 7)],
            ["1 One 1", "1.1 a 2", "2 Two 5", "2.1 b 5", "3 Three 7"],
        ),
        (
            [(0, "One", NOWHERE), (1, "a", NOWHERE), (2, "x", 2), (0, "Two", NOWHERE), (1, "b", 5)],
            ["1 One 2", "1.1 a 2", "1.1.1 x 2", "2 Two 5", "2.1 b 5"],
        ),
        (
            [(0, "One", 1), (0, "Gone", NOWHERE), (0, "Two", 4)],
            ["1 One 1", "2 Two 4"],
        ),
    ],
)
def test_a_bookmark_that_leads_nowhere_begins_with_its_children(outline, numbers):
    sections = read_pdf(make_pdf(PAGES, outline=outline), "a.pdf").sections

    assert [f"{s.number} {s.title} {s.pdf_page}" for s in sections] == numbers
