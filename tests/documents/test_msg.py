"""Letters of Outlook: properties become headers and body, attachments and letters inside."""

import struct

import pytest
from test_mail import Instructions, read_content

from docpager.core.errors import DocumentError
from docpager.documents.signatures import kind_of

pytest.importorskip("olefile")

FREE, END, NONE = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFF


def compound(tree):
    """A compound file (MS-CFB) of nested dicts: bytes are small streams, dicts storages."""
    entries, small, small_table = [], b"", []

    def add(name, value):
        nonlocal small
        at = len(entries)
        entries.append(None)
        if isinstance(value, dict):
            children = [add(key, value[key]) for key in sorted(value)]
            for one, other in zip(children, [*children[1:], NONE], strict=True):
                entries[one][2] = other
            entries[at] = [name, 1, NONE, children[0] if children else NONE, END, 0]
        else:
            assert len(value) < 4_096
            start, count = len(small_table), -(-len(value) // 64)
            small_table.extend([*range(start + 1, start + count), END] if count else [])
            small += value.ljust(count * 64, b"\0")
            entries[at] = [name, 2, NONE, NONE, start if count else END, len(value)]
        return at

    add("Root Entry", tree)
    body, table = b"", []

    def place(content):
        nonlocal body
        start, count = len(table), -(-len(content) // 512)
        table.extend([*range(start + 1, start + count), END])
        body += content.ljust(count * 512, b"\0")
        return start

    packed = struct.pack(f"<{len(small_table)}I", *small_table)
    small_tables = -(-len(packed) // 512)
    first_small_table = place(packed.ljust(small_tables * 512, b"\xff"))
    entries[0] = ["Root Entry", 5, NONE, entries[0][3], place(small), len(small)]
    directory = b"".join(map(directory_entry, entries))
    first_directory = place(directory)
    first_table, tables = len(table), -(-(len(table) + 1) // 127)
    table += [0xFFFFFFFD] * tables
    head = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 16
    head += struct.pack("<HHHHH6x", 0x3E, 3, 0xFFFE, 9, 6)
    head += struct.pack("<IIIII", 0, tables, first_directory, 0, 4_096)
    head += struct.pack("<IIII", first_small_table, small_tables, END, 0)
    head += struct.pack(f"<{tables}I", *range(first_table, first_table + tables))
    packed = struct.pack(f"<{len(table)}I", *table)
    return head.ljust(512, b"\xff") + body + packed.ljust(tables * 512, b"\xff")


def directory_entry(entry):
    name, kind, right, child, start, size = entry
    wide_name = name.encode("utf-16-le") + b"\0\0"
    head = struct.pack("<HBBIII", len(wide_name), kind, 1, NONE, right, child)
    return wide_name.ljust(64, b"\0") + head + b"\0" * 36 + struct.pack("<IQ", start, size)


def numbers(header, **values):
    stream = b"\0" * header
    for tag, value in values.items():
        stream += struct.pack("<IIQ", int(tag[1:], 16), 6, value)
    return stream


def wide(text):
    return text.encode("utf-16-le")


def outlook(subject="Lease", body="The rent is 900 euros.", header=32, **more):
    return {
        "__properties_version1.0": numbers(header, _00390040=133_776_000_000_000_000),
        "__substg1.0_0037001F": wide(subject),
        **({"__substg1.0_1000001F": wide(body)} if body else {}),
        "__substg1.0_0C1A001F": wide("Hans Müller"),
        "__substg1.0_5D01001F": wide("hans@example.org"),
        "__recip_version1.0_#00000000": {
            "__properties_version1.0": numbers(8, _0C150003=2),
            "__substg1.0_3001001F": wide("Ana"),
            "__substg1.0_39FE001F": wide("ana@example.org"),
        },
        **more,
    }


def attached(name, content):
    return {
        "__properties_version1.0": numbers(8, _37050003=1),
        "__substg1.0_3707001F": wide(name),
        "__substg1.0_37010102": content,
    }


def read(tree, path="mail.msg"):
    return read_content(compound(tree), path, Instructions())


def test_a_letter_of_outlook_has_headers_and_body():
    (document,) = read(outlook()).documents

    assert (document.title, document.kind) == ("Lease", "mail")
    assert "From: Hans Müller <hans@example.org>\nCc: Ana <ana@example.org>" in document.text
    assert "Date: Mon, 02 Dec 2024 08:00:00 +0000" in document.text
    assert "The rent is 900 euros." in document.text


def test_its_files_and_letters_are_documents_of_their_own():
    inside = outlook("Old lease", "The rent was 700 euros.", header=24)
    found = read(
        outlook(
            **{
                "__attach_version1.0_#00000000": attached("plan.txt", b"clause nine"),
                "__attach_version1.0_#00000001": {
                    "__properties_version1.0": numbers(8, _37050003=5),
                    "__substg1.0_3701000D": inside,
                },
            }
        )
    )

    assert [(d.path, d.title) for d in found.documents] == [
        ("mail.msg", "Lease"),
        ("mail.msg#plan.txt", "mail.msg#plan"),
        ("mail.msg#Old lease.eml", "Old lease"),
    ]
    assert "700 euros" in found.documents[2].text


def test_a_letter_inside_keeps_the_name_of_its_file():
    inside = attached("failed.eml", b"")
    del inside["__substg1.0_37010102"]
    inside["__substg1.0_3701000D"] = outlook("Offer", "Eleven euros.", header=24)

    read_in = read(outlook(**{"__attach_version1.0_#00000000": inside}))

    assert [document.path for document in read_in.documents] == ["mail.msg", "mail.msg#failed.eml"]


def test_text_in_a_code_page_is_read_by_it():
    russian = "Настоящий договор вступает в силу."
    tree = outlook(body="")
    tree["__substg1.0_1000001E"] = russian.encode("cp1251")
    tree["__properties_version1.0"] = numbers(32, _3FFD0003=1251)

    assert russian in read(tree).documents[0].text


def test_html_is_read_where_there_is_no_plain_text():
    tree = outlook(body="")
    tree["__substg1.0_10130102"] = b"<p>The rent is 900 euros</p>"

    assert "The rent is 900 euros" in read(tree).documents[0].text


def test_a_body_in_packed_rtf_is_carried_as_a_file():
    from compressed_rtf import compress

    tree = outlook(body="")
    tree["__substg1.0_10090102"] = compress(b"{\\rtf1 The rent is 900 euros}")
    found = read(tree)

    told = [*(d.path for d in found.documents), *found.problems]
    assert any("mail.msg#body.rtf" in each for each in told)


def test_it_is_known_by_its_content():
    assert kind_of("letter.dat", compound(outlook())).name == "outlook"


@pytest.mark.parametrize("cut", [600, 1_500, 3_000])
def test_a_damaged_one_is_named(cut):
    with pytest.raises(DocumentError, match=r"mail\.msg"):
        read_content(compound(outlook())[:cut], "mail.msg", Instructions())


def test_letters_inside_letters_stop():
    tree = outlook("0", header=24)
    for n in range(1, 12):
        holder = {"__properties_version1.0": numbers(8), "__substg1.0_3701000D": tree}
        tree = outlook(str(n), header=24, **{"__attach_version1.0_#00000000": holder})
    tree["__properties_version1.0"] = numbers(32)

    with pytest.raises(DocumentError, match="letters more than 8 deep"):
        read(tree)
