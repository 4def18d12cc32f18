"""Zip packages and XML within limits. What swells is made here, when the tests run."""

from io import BytesIO
from zipfile import ZIP_DEFLATED, ZipFile

import pytest

from docpager.core.errors import DocumentError
from docpager.documents.packages import Package, elements, parse_xml
from docpager.documents.reasons import Reason


def zipped(parts):
    stream = BytesIO()
    with ZipFile(stream, "w", ZIP_DEFLATED) as package:
        for name, content in parts.items():
            package.writestr(name, content)
    return stream.getvalue()


def refused(content):
    with pytest.raises(DocumentError) as caught:
        Package(content, "a.docx").check_xml()
    assert "a.docx" in str(caught.value)
    return caught.value.reason


def test_parts_are_read_by_name():
    package = Package(zipped({"word/document.xml": "<a><b>1</b></a>"}), "a.docx")
    assert package.names == ("word/document.xml",)
    assert [each.text for each in elements(package.xml("word/document.xml"), "b")] == ["1"]
    assert package.related("ppt/slides/slide1.xml", "../notesSlides/n1.xml") == (
        "ppt/notesSlides/n1.xml"
    )


def test_a_part_that_swells_is_not_read():
    assert refused(zipped({"a.xml": b" " * 20_000_000})) == Reason.UNSAFE


def test_too_many_parts_are_not_read():
    assert refused(zipped({f"{n}.xml": b"" for n in range(20_001)})) == Reason.UNSAFE


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_declared_entities_are_not_read(encoding):
    text = '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'
    assert refused(zipped({"a.xml": text.encode(encoding)})) == Reason.UNSAFE


def test_elements_nested_without_end_are_not_read():
    with pytest.raises(DocumentError) as caught:
        parse_xml(b"<a>" * 5_000 + b"</a>" * 5_000, "a.xml")
    assert caught.value.reason == Reason.UNSAFE


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"no zip at all"])
def test_what_is_no_package_is_damaged(content):
    assert refused(content) == Reason.DAMAGED


def test_a_declared_encoding_is_obeyed():
    root = parse_xml(
        '<?xml version="1.0" encoding="windows-1251"?><a>Договор</a>'.encode("cp1251"), "a"
    )
    assert root.text == "Договор"
