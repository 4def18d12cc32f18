"""RTF: groups, destinations, code pages, notes, changes and tables; and files that are no RTF."""

import pytest
from documents.office_files import read, text_of, titles

from docpager.core.errors import DocumentError
from docpager.documents.files import is_supported
from docpager.documents.reasons import Reason
from docpager.documents.signatures import kind_of

FONTS = (
    r"{\fonttbl{\f0\froman\fcharset0 Times;}{\f1\fcharset204 Arial{\*\falt Helvetica};}"
    r"{\f2\fcharset2 Symbol;}{\f3\fcharset128 MS Mincho;}{\f4\fcharset2 Wingdings;}{\f5 Own;}}"
)


def rtf(body, *, head=r"\ansi\ansicpg1252\deff0"):
    text = rf"{{\rtf1{head}{FONTS}{{\colortbl;\red0;}}{body}}}"
    return text.encode("latin-1")


def shown(body, **more):
    return text_of(rtf(body, **more), "file.rtf")


def test_letters_are_decoded_by_the_code_page_of_their_font():
    assert shown(r"caf\'e9 {\f1 \'c4\'ee\'e3\'ee\'e2\'ee\'f0} {\f3\'93\'fa\'96\'7b}\par") == (
        "café Договор 日本"
    )
    assert shown(r"{\f5 \'e4\'e0}", head=r"\ansi\ansicpg1251") == "да"
    assert shown(r"{\f2 m\'b3} {\f4\'fe}") == "μ≥ ☑"


def test_unicode_letters_replace_the_ones_that_follow_for_older_readers():
    assert shown(r"\u1044?\uc2\u26085\'93\'fa\uc0\u-10179\u-8704  x\u8364{\uc1 y\u8211 -z}") == (
        "Д日😀 x€y–z"
    )


def test_characters_with_names_of_their_own():
    body = r"a\~b\_c\-d\emdash\ldblquote x\rdblquote\tab y\line z\\ \{\}"
    assert shown(body) == "a b-cd—“x” y\nz\\ {}"


def test_hidden_text_and_what_is_no_text_is_left_out():
    body = r"a{\v hidden}b\v x\v0 c{\*\unknown d}{\info{\author e}}{\pict\wmetafile8 0102 {f}}"
    body += r"{\bkmkstart g}{\object{\*\objdata 0102}{\result shown}}{\field{\*\fldinst DATE}"
    assert shown(body + r"{\fldrslt  5 May}}") == "abcshown 5 May"


def test_binary_data_is_passed_over_whatever_it_holds():
    body = rb"{\rtf1 a{\pict\bin6 }}{{\\ }b\par}"
    assert text_of(body, "a.rtf") == "ab"


def test_deleted_text_stands_apart_and_inserted_text_is_text():
    body = r"The fee is {\deleted\revauthdel1 partly }{\revised not }due.\par Next\par"
    assert shown(body) == "The fee is not due.\n[deleted: partly]\n\nNext"


def test_notes_and_comments_are_marked_where_they_stand():
    body = (
        r"Sales{\super\chftn}{\footnote\pard\plain {\super\chftn} Unaudited.} rose"
        r"{\super\chftn}{\footnote\ftnalt {\chftn} At the end.}.{\*\atnid AB}{\*\atnauthor Ann}"
        r"\chatn{\*\annotation\pard {\*\atndate 1}Why?}{*}{\footnote By hand.}\par After\par"
    )
    assert shown(body) == (
        "Sales [footnote 1: Unaudited.] rose [endnote 1: At the end.] .* [footnote: By hand.]\n"
        "[comment by Ann: Why?]\n\nAfter"
    )


def test_headers_come_once_and_page_numbers_do_not():
    body = r"{\header ACME\par}{\headerr ACME\par}{\footer\chpgn 3\par}{\footerf Draft}x\par"
    assert shown(body) == "[header: ACME]\n\nx\n\n[footer: Draft]"


def test_headings_are_known_by_style_and_level():
    styles = (
        r"{\stylesheet{\s0 Normal;}{\s1\outlinelevel0 Own;}{\s2\sbasedon1 Based;}"
        r"{\s3 heading 2;}{\*\cs9 heading 3;}}"
    )
    body = rf"{styles}\pard\s1 One\par\pard\s3 Below\par\pard text\par\pard\s2 Two\par"
    body += r"\pard\outlinelevel2 Deep\par\pard\s9 no\par"
    assert titles(rtf(body), "a.rtf") == [
        ("1", "One"), ("1.1", "Below"), ("2", "Two"), ("2.1", "Deep"),
    ]  # fmt: skip
    assert read(rtf(body), "a.rtf").documents[0].title == "One"
    titled = r"{\info{\title The {\b Report}}{\author A}}" + body
    assert read(rtf(titled), "a.rtf").documents[0].title == "The Report"


def test_items_have_the_numbers_that_the_file_shows():
    body = r"\pard{\listtext\pard\plain 1.\tab}One\par\pard{\pntext\f2\'b7\tab}Dot\par"
    body += r"\pard{\listtext\f2\'b7\tab}\plain Next\par"
    assert shown(body).splitlines() == ["1. One", "- Dot", "- Next"]


def test_rows_have_headers_under_merged_cells():
    form = r"\trowd{}\cellx1000{}\cellx2000{}\cellx3000 "
    body = form.format(r"\trhdr", r"\clmgf", r"\clmrg") + r"\intbl\cell Sales\cell\cell\row "
    body += form.format(r"\clvmgf", "", "") + r"\intbl Asia\cell 5\cell 6\cell\row "
    body += form.format(r"\clvmrg", "", "") + r"\intbl\cell 7\cell 8\cell\row\pard After\par"
    assert shown(body).splitlines()[1:] == [
        "Asia | Sales: 5 | Sales: 6", "Asia | Sales: 7 | Sales: 8", "", "After",
    ]  # fmt: skip


def test_a_table_in_a_cell_stays_in_its_cell():
    inner = r"\pard\intbl\itap2 x\nestcell y\nestcell"
    inner += r"{\*\nesttableprops\trowd\cellx5\cellx9\nestrow}"
    body = r"\trowd\cellx100\cellx200\pard\intbl a\cell " + inner
    body += r"{\nonesttables\par}\pard\intbl\cell\trowd\cellx100\cellx200\row\pard b\par"
    assert shown(body) == "a | x | y\n\nb"


def test_text_boxes_and_descriptions_are_read_once():
    shape = (
        r"{\shp{\*\shpinst{\sp{\sn wzDescription}{\sv A ship}}{\shptxt\pard Boxed\par}}"
        r"{\shprslt{\*\do{\dptxbxtext\pard Boxed\par}}}}"
    )
    picture = r"{\pict{\*\picprop{\sp{\sn wzDescription}{\sv A map}}}0102}"
    assert shown(rf"a {shape}b {picture}\par") == "a [picture: A ship] b [picture: A map]\n\nBoxed"


def test_equations_boxes_and_alternatives():
    math = (
        r"{\mmath{\*\moMath{\msSup{\msSupPr{\mctrlPr}}{\me{\mr x}}{\msup{\mr 2}}}}{\mmathPict y}}"
    )
    box = r"{\field{\*\fldinst FORMCHECKBOX{\*\formfield{\fftype1\ffres1}}}{\fldrslt}}"
    both = r"{\upr{ansi}{\*\ud{unicode}}}"
    assert shown(rf"{math} {box} {both}\par") == "x^2 ☒ unicode"


def test_what_is_damaged_is_read_as_far_as_it_goes():
    assert text_of(rb"{\rtf1{\stylesheet{\s1 a;}\pard kept\par and this\par", "a.rtf")
    assert text_of(rb"{\rtf1 a}}} after", "a.rtf") == "a"
    assert text_of(rb"{\rtf1 a\par{\b b", "a.rtf") == "a\n\nb"


def test_groups_and_cells_without_end_are_refused():
    with pytest.raises(DocumentError, match=r"a\.rtf") as caught:
        read(rb"{\rtf1 " + b"{" * 100_000, "a.rtf")
    assert caught.value.reason == Reason.UNSAFE
    cells = "".join(
        rf"\trowd\trleft{n * 200}\cellx{n * 200 + 200}\intbl x\cell\row " for n in range(1, 1_200)
    )
    with pytest.raises(DocumentError, match="cells") as caught:
        read(rtf(cells), "a.rtf")
    assert caught.value.reason == Reason.UNSAFE
    with pytest.raises(DocumentError, match="tables") as caught:
        read(rtf(r"\intbl\itap900 x\nestcell"), "a.rtf")
    assert caught.value.reason == Reason.UNSAFE


def test_the_kind_is_known_by_how_it_begins(tmp_path):
    assert kind_of("letter.doc", rb"{\rtf1 a}").name == "rtf"
    (tmp_path / "letter").write_bytes(rb"{\rtf1 a}")
    assert is_supported(tmp_path / "letter")
    with pytest.raises(DocumentError, match="is not RTF"):
        read(b"plain words", "a.rtf")
