"""Compound files (OLE) are named by what their topmost entries say that they are."""

import struct

import pytest
from documents.office_files import docx, read, zipped

from docpager.core.errors import DocumentError
from docpager.documents.reasons import Reason
from docpager.documents.signatures import kind_of

FREE, END, TABLE = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD


def entry(name, kind, left=FREE, right=FREE, child=FREE):
    written = name.encode("utf-16-le")
    head = written.ljust(64, b"\0") + struct.pack("<HBB", len(written) + 2, kind, 1)
    return (head + struct.pack("<3I", left, right, child)).ljust(128, b"\0")


def compound(*entries):
    """A compound file with these entries of its directory, the root first."""
    header = bytes.fromhex("D0CF11E0A1B11AE1").ljust(24, b"\0")
    header += struct.pack("<5H", 62, 3, 0xFFFE, 9, 6).ljust(20, b"\0")
    header += struct.pack("<8I", 1, 1, 0, 4096, END, 0, END, 0)
    header += struct.pack("<109I", 0, *[FREE] * 108)
    sectors = [b"".join(entries[at : at + 4]).ljust(512, b"\0") for at in range(0, len(entries), 4)]
    chain = [TABLE, *range(2, len(sectors) + 1), END]
    table = struct.pack("<128I", *chain, *[FREE] * (128 - len(chain)))
    return header + table + b"".join(sectors)


def holding(*names):
    """A file whose topmost entries are called so, each the right neighbour of the one before."""
    last = len(names)
    rows = [entry(n, 2, right=k + 1 if k < last else FREE) for k, n in enumerate(names, start=1)]
    return compound(entry("Root Entry", 5, child=1), *rows)


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("1Table", "WordDocument"), "Word 97-2003 document; save it as .docx"),
        (("PowerPoint Document", "Pictures"), "PowerPoint 97-2003 presentation; save it as .pptx"),
        (("a", "b", "c", "d", "e", "Workbook"), "Excel 97-2003 workbook; save it as .xlsx"),
        (("Strange",), "compound file of a kind that is not read"),
    ],
)
def test_old_office_files_are_named(names, said):
    with pytest.raises(DocumentError) as caught:
        read(holding(*names), "old.docx")
    assert f"'old.docx' is a{'n' if said[0] == 'E' else ''} {said}" in str(caught.value)
    assert caught.value.reason == Reason.UNSUPPORTED


def test_encrypted_office_files_are_named():
    with pytest.raises(DocumentError, match=r"plan\.xlsx.*encrypted") as caught:
        read(holding("EncryptionInfo", "EncryptedPackage"), "plan.xlsx")
    assert caught.value.reason == Reason.ENCRYPTED


def test_what_is_embedded_does_not_name_the_file():
    rows = [entry("Root Entry", 5, child=1), entry("Workbook", 2, right=2)]
    rows += [entry("MBD01", 1, child=3), entry("WordDocument", 2)]
    with pytest.raises(DocumentError, match="Excel"):
        read(compound(*rows), "a.doc")


@pytest.mark.parametrize("length", [8, 511, 520, 1_030, 1_100])
def test_a_torn_file_is_named_too(length):
    with pytest.raises(DocumentError, match=r"a\.doc"):
        read(holding("WordDocument")[:length], "a.doc")


def test_entries_in_a_circle_end():
    rows = [entry("Root Entry", 5, child=1), entry("WordDocument", 2, left=1, right=0)]
    with pytest.raises(DocumentError, match="Word 97-2003"):
        read(compound(*rows), "a.doc")


def test_a_message_is_not_taken_for_an_office_file():
    assert kind_of("a.bin", holding("__properties_version1.0")).name != "compound"
    assert kind_of("a.bin", holding("WordDocument")).name == "compound"


def test_an_old_file_inside_a_new_one_is_named():
    named = {"r1": ("oleObject", "embeddings/oleObject1.bin")}
    parts = docx("<w:p><w:r><w:t>x</w:t></w:r></w:p>", named=named)
    parts["word/embeddings/oleObject1.bin"] = holding("WordDocument")
    found = read(zipped(parts), "a.docx")
    assert "'a.docx#oleObject1.bin' is a Word 97-2003 document" in found.problems[0]
