"""Presentations: each slide is a page; what it shows, says in notes or hides is told apart."""

import pytest
from documents.office_files import read, relationships, root, text_of, titles, zipped
from documents.test_docx import CHART

from docpager.core.errors import DocumentError
from docpager.documents.carried import Instructions, read_content
from docpager.documents.reasons import Reason
from docpager.documents.signatures import kind_of


def paragraphs(*texts):
    return "".join(f"<a:p><a:r><a:t>{text}</a:t></a:r></a:p>" for text in texts)


def shape(*texts, holds=None, at=None, more="", body=None):
    place = f"<p:ph type='{holds}'/>" if holds else ""
    offset = f"<a:xfrm><a:off x='{at[0]}' y='{at[1]}'/></a:xfrm>" if at else ""
    return (
        f"<p:sp><p:nvSpPr><p:cNvPr id='1' name='n' {more}/><p:nvPr>{place}</p:nvPr></p:nvSpPr>"
        f"<p:spPr>{offset}</p:spPr><p:txBody>{body or paragraphs(*texts)}</p:txBody></p:sp>"
    )


def slide(*shapes, more=""):
    tree = f"<p:cSld><p:spTree>{''.join(shapes)}</p:spTree></p:cSld>"
    return root("p:sld", tree).replace("<p:sld ", f"<p:sld {more} ", 1)


def frame(content, at=(0, 0)):
    return (
        "<p:graphicFrame><p:nvGraphicFramePr><p:cNvPr id='2' name='f'/><p:nvPr/>"
        f"</p:nvGraphicFramePr><p:xfrm><a:off x='{at[0]}' y='{at[1]}'/></p:xfrm>"
        f"<a:graphic><a:graphicData>{content}</a:graphicData></a:graphic></p:graphicFrame>"
    )


def deck(*slides, order=None, named=None, main=None, **parts):
    """A presentation; `named` holds the relationships of slides by number."""
    order = order or range(1, len(slides) + 1)
    listed = "".join(f"<p:sldId id='{256 + n}' r:id='r{n}'/>" for n in order)
    files = {
        "_rels/.rels": relationships(r1=("officeDocument", "ppt/presentation.xml")),
        "ppt/presentation.xml": root("p:presentation", f"<p:sldIdLst>{listed}</p:sldIdLst>"),
        "ppt/_rels/presentation.xml.rels": relationships(
            **{f"r{n}": ("slide", f"slides/slide{n}.xml") for n in range(1, len(slides) + 1)},
            **(main or {}),
        ),
    }
    for number, content in enumerate(slides, start=1):
        files[f"ppt/slides/slide{number}.xml"] = content
        rels = relationships(**(named or {}).get(number, {}))
        files[f"ppt/slides/_rels/slide{number}.xml.rels"] = rels
    return files | {name.replace("__", "/"): content for name, content in parts.items()}


def pages_of(parts):
    (document,) = read(parts, "deck.pptx").documents
    return [(p.label, document.text[p.start : p.end].strip()) for p in document.pdf_pages]


def test_slides_are_pages_in_the_order_in_which_they_are_shown():
    one, two = slide(shape("One", holds="title"), shape("a", "b")), slide(shape("Two"))
    parts = deck(one, two, order=[2, 1])
    assert pages_of(parts) == [("1", "Two"), ("2", "One\n\na\nb")]
    assert titles(parts, "deck.pptx") == [("1", "One")]
    document = read(parts, "deck.pptx").documents[0]
    assert (document.title, document.sections[0].pdf_page, document.kind) == ("One", 2, "pptx")


def test_what_is_placed_freely_is_read_from_the_top_and_from_the_left():
    shapes = [shape("low", at=(0, 900_000)), shape("right", at=(5_000, 100_000))]
    shapes += [shape("left", at=(100, 150_000)), shape("Title", holds="ctrTitle", at=(0, 999_999))]
    shapes += [shape("offered", holds="body")]
    (page,) = pages_of(deck(slide(*shapes)))
    assert page[1].split("\n\n") == ["Title", "offered", "left", "right", "low"]


def test_groups_and_alternatives_are_read_once():
    inner = shape("inner")
    group = (
        f"<p:grpSp><p:nvGrpSpPr/><p:grpSpPr/>{inner}<p:grpSp>{shape('deeper')}</p:grpSp></p:grpSp>"
    )
    both = (
        f"<mc:AlternateContent><mc:Choice Requires='a14'>{shape('chosen')}</mc:Choice>"
        f"<mc:Fallback>{shape('chosen')}</mc:Fallback></mc:AlternateContent>"
    )
    assert pages_of(deck(slide(group, both)))[0][1] == "inner\n\ndeeper\n\nchosen"


def test_hidden_slides_are_marked_and_hidden_shapes_left_out():
    hidden = slide(shape("x"), shape("never", more="hidden='1'"), more="show='0'")
    assert pages_of(deck(hidden))[0][1] == "[hidden slide]\n\nx"


def test_notes_and_both_kinds_of_comments_are_marked():
    notes = root(
        "p:notes",
        "<p:cSld><p:spTree>" + shape("3", holds="sldNum") + shape("Say this.", holds="body")
        + "</p:spTree></p:cSld>",
    )  # fmt: skip
    old = root("p:cmLst", "<p:cm authorId='0'><p:text>Why?</p:text></p:cm>")
    new = root(
        "p:cmLst",
        "<p:cm authorId='{G}'><p:replyLst><p:reply authorId='0'><p:txBody>"
        + paragraphs("Because.") + "</p:txBody></p:reply></p:replyLst><p:txBody>"
        + paragraphs("And why?") + "</p:txBody></p:cm>",
    )  # fmt: skip
    parts = deck(
        slide(shape("One")),
        slide(shape("Two")),
        named={
            1: {"n": ("notesSlide", "../notesSlides/n1.xml"), "c": ("comments", "../c/old.xml")},
            2: {"c": ("comments", "../c/new.xml")},
        },
        main={"a": ("commentAuthors", "a.xml"), "b": ("authors", "b.xml")},
    )
    parts |= {"ppt/notesSlides/n1.xml": notes, "ppt/c/old.xml": old, "ppt/c/new.xml": new}
    parts["ppt/a.xml"] = root("p:cmAuthorLst", "<p:cmAuthor id='0' name='Ann'/>")
    parts["ppt/b.xml"] = root("p:authorLst", "<p:author id='{G}' name='Bob'/>")
    assert [text for _, text in pages_of(parts)] == [
        "One\n\n[notes: Say this.]\n\n[comment by Ann: Why?]",
        "Two\n\n[comment by Bob: And why?]\n\n[comment by Ann: Because.]",
    ]


def test_rows_have_headers_under_merged_cells():
    def cell(text, more=""):
        return f"<a:tc {more}><a:txBody>{paragraphs(text)}</a:txBody></a:tc>"

    rows = [
        cell("") + cell("Sales", "gridSpan='2'") + cell("", "hMerge='1'"),
        cell("Asia", "rowSpan='2'") + cell("5") + cell("6"),
        cell("", "vMerge='1'") + cell("7") + cell("8"),
    ]
    table = "<a:tbl><a:tblPr firstRow='1'/>" + "".join(f"<a:tr>{r}</a:tr>" for r in rows)
    assert pages_of(deck(slide(frame(table + "</a:tbl>"))))[0][1].splitlines()[1:] == [
        "Asia | Sales: 5 | Sales: 6",
        "Asia | Sales: 7 | Sales: 8",
    ]


def test_charts_and_diagrams_are_text_and_their_workbooks_are_not():
    points = "".join(
        f"<dgm:pt modelId='{n}'><dgm:t>{paragraphs(text)}</dgm:t></dgm:pt>"
        for n, text in ((1, "Second"), (2, "First"), (3, "Below"))
    )
    lines = "".join(
        f"<dgm:cxn modelId='9{a}{b}' srcId='{a}' destId='{b}' srcOrd='{o}'/>"
        for a, b, o in ((0, 1, 1), (0, 2, 0), (2, 3, 0), (3, 2, 0))
    )
    data = f"<dgm:ptLst><dgm:pt modelId='0' type='doc'/>{points}</dgm:ptLst>"
    named = {"c": ("chart", "../charts/chart1.xml"), "d": ("diagramData", "../diagrams/d.xml")}
    shown = slide(frame("<c:chart r:id='c'/>"), frame("<dgm:relIds r:dm='d'/>", at=(0, 999_999)))
    parts = deck(shown, named={1: named})
    parts |= {
        "ppt/charts/chart1.xml": CHART,
        "ppt/charts/_rels/chart1.xml.rels": relationships(x=("package", "../embeddings/b.xlsx")),
        "ppt/embeddings/b.xlsx": b"PK not read",
        "ppt/diagrams/d.xml": root("dgm:dataModel", f"{data}<dgm:cxnLst>{lines}</dgm:cxnLst>"),
    }
    assert pages_of(parts)[0][1] == (
        "[chart: Sales]\n\n2023\nAsia | 2023: 12.5%\nEurope | 2023: 30.0%\n\n"
        "- First\n- Below\n- Second"
    )
    assert not read(parts, "deck.pptx").problems


def test_numbers_of_lists_are_shown():
    def point(text, form="arabicPeriod", start="", level=0):
        bullet = f"<a:buAutoNum type='{form}' {start}/>" if form else "<a:buNone/>"
        return f"<a:p><a:pPr lvl='{level}'>{bullet}</a:pPr><a:r><a:t>{text}</a:t></a:r></a:p>"

    body = point("a") + point("b", "alphaLcParenR", level=1) + point("c") + point("d", "")
    body += point("e", "romanUcParenBoth", "startAt='4'")
    assert pages_of(deck(slide(shape(body=body))))[0][1].splitlines() == [
        "1. a", "a) b", "2. c", "d", "(IV) e",
    ]  # fmt: skip


def test_what_every_slide_shows_comes_once():
    footer = shape("Draft", holds="ftr")
    layout = root("p:sldLayout", f"<p:cSld><p:spTree>{shape('ACME')}{shape('Click', holds='body')}"
                  "</p:spTree></p:cSld>")  # fmt: skip
    named = {n: {"l": ("slideLayout", "../slideLayouts/l.xml")} for n in (1, 2)}
    parts = deck(slide(shape("One"), footer), slide(shape("Two"), footer), named=named)
    parts["ppt/slideLayouts/l.xml"] = layout
    assert [text for _, text in pages_of(parts)] == [
        "One\n\n[footer: Draft]\n\n[behind every slide: ACME]",
        "Two",
    ]


def test_a_slide_that_is_a_picture_is_named_and_a_blank_one_is_blank():
    picture = "<p:pic><p:nvPicPr><p:cNvPr id='1' name='p'/></p:nvPicPr><p:spPr/></p:pic>"
    (document,) = read(deck(slide(picture), slide(), slide(shape("x"))), "a.pptx").documents
    assert document.unreadable == ((1, Reason.NO_TEXT),)


def test_slides_that_are_to_be_left_out_are_named():
    content = zipped(deck(slide(shape("One")), slide(shape("Two"))))
    told = Instructions(watch=lambda page: "timed out" if page == 2 else None)
    (document,) = read_content(content, "a.pptx", told).documents
    assert document.unreadable == ((2, "timed out"),)
    assert document.text == "One\n"


def test_a_missing_slide_is_named_and_the_others_are_read():
    parts = deck(slide(shape("One")), slide(shape("Two")))
    del parts["ppt/slides/slide1.xml"]
    found = read(parts, "a.pptx")
    assert "slide1.xml" in found.problems[0]
    assert found.documents[0].text == "Two\n"


def test_the_kind_is_known_by_what_is_inside():
    assert kind_of("x.docx", zipped(deck(slide(shape("x"))))).name == "pptx"


def test_a_presentation_without_words_is_refused_by_name():
    with pytest.raises(DocumentError, match=r"deck\.pptx"):
        text_of(deck(slide()), "deck.pptx")
