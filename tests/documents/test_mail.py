"""Letters become sections, what they carry documents of its own; nothing harms the reader."""

import sys
from email.message import EmailMessage
from types import ModuleType

import pytest

from docpager.core.errors import DocumentError
from docpager.documents.carried import Instructions, read_content
from docpager.documents.mail.headers import decoded_header
from docpager.documents.reasons import Reason

try:
    import docpager.documents.web.html  # noqa: F401
except ModuleNotFoundError:
    stand_in = ModuleType("docpager.documents.web.html")
    stand_in.write_html = lambda flow, html: flow.paragraph(f"as HTML: {html}") or ""
    sys.modules["docpager.documents.web"] = ModuleType("docpager.documents.web")
    sys.modules["docpager.documents.web.html"] = stand_in


def letter(subject="Quarterly figures", text="Revenue rose to 12.4 million.\n"):
    message = EmailMessage()
    message["From"] = "Hans Müller <hans@example.org>"
    message["To"] = "Ana <ana@example.org>, Bo <bo@example.org>"
    message["Date"] = "Mon, 02 Dec 2024 10:00:00 +0100"
    message["Subject"] = subject
    if text is not None:
        message.set_content(text)
    return message


def read(message, path="mail.eml"):
    return read_content(bytes(message), path, Instructions())


def text_of(message):
    return read(message).documents[0].text


def test_headers_and_body_are_sections():
    (document,) = read(letter("Änderung: ﬁgures")).documents

    sections = {s.title: document.text[s.start : s.end] for s in document.sections}
    assert document.title == "Änderung: ﬁgures"
    assert "From: Hans Müller <hans@example.org>" in sections["Headers"]
    assert "Date: Mon, 02 Dec 2024 10:00:00 +0100" in sections["Headers"]
    assert "Revenue rose to 12.4 million." in sections["Body"]


def test_plain_text_is_preferred_to_html():
    message = letter()
    message.add_alternative("<p>Revenue rose in HTML</p>", subtype="html")

    assert "12.4 million" in text_of(message)
    assert "in HTML" not in text_of(message)


@pytest.mark.parametrize("plain", [None, "\n", "Please view this email in your browser.\n"])
def test_html_is_read_where_plain_text_is_missing_or_says_nothing(plain):
    message = letter(text=plain)
    add = message.set_content if plain is None else message.add_alternative
    add("<p>Revenue rose to 12.4 million</p>", subtype="html")

    assert "Revenue rose to 12.4 million" in text_of(message)


def test_quoted_replies_and_signatures_stay():
    text = "Agreed.\n\nOn Monday Ana wrote:\n> The lease ends in May.\n>> Really?\n-- \nBo, CFO\n"

    found = text_of(letter(text=text))

    assert "> The lease ends in May.\n>> Really?\n--\nBo, CFO" in found


def test_attachments_and_forwarded_letters_are_documents_of_their_own():
    forwarded = letter("Old lease", "The rent is 900 euros.\n")
    forwarded.add_attachment(b"clause nine", maintype="text", subtype="plain", filename="old.txt")
    message = letter()
    message.add_attachment(
        "Größe;12".encode("cp1252"), maintype="text", subtype="csv", filename="x/é.csv"
    )
    message.add_attachment(forwarded)

    found = read(message)

    assert [document.path for document in found.documents] == [
        "mail.eml",
        "mail.eml#é.csv",
        "mail.eml#Old lease.eml",
        "mail.eml#Old lease.eml#old.txt",
    ]
    assert "Attachments: é.csv, Old lease.eml" in found.documents[0].text
    assert "Größe;12" in found.documents[1].text
    assert not found.problems


def test_a_file_that_is_not_read_is_named():
    message = letter()
    message.add_attachment(b"\0\1\2" * 99, maintype="application", subtype="x", filename="a.xyz")

    assert read(message).problems == (
        "'mail.eml#a.xyz' is attached and was not read (docpager reads no files of this kind); "
        "save it by itself",
    )


@pytest.mark.parametrize(
    ("head", "said"),
    [
        ("multipart/encrypted; protocol=application/pgp-encrypted; boundary=b", "encrypted (PGP)"),
        ("application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m", "S/MIME"),
        ("application/ms-tnef; name=winmail.dat", "TNEF"),
        ("message/external-body; access-type=URL; URL=http://example.org/x", "not in this letter"),
    ],
)
def test_what_cannot_be_opened_is_named(head, said):
    content = f"From: a@b.c\nSubject: Sealed\nContent-Type: {head}\n\n--b\n\nxx\n--b--\n"

    found = read_content(content.encode(), "mail.eml", Instructions())

    assert said in " ".join(found.problems)
    assert "Subject: Sealed" in found.documents[0].text


def test_calendar_entries_are_text():
    message = letter()
    message.add_alternative("BEGIN:VCALENDAR\nSUMMARY:Board meeting\nEND:VCALENDAR\n", "calendar")

    assert "SUMMARY:Board meeting" in text_of(message)


@pytest.mark.parametrize("said", ["us-ascii", "utf-8", "unknown-8bit", "x-no-such", "iso-8859-1"])
def test_a_wrong_charset_does_not_spoil_the_text(said):
    russian = "Настоящий договор вступает в силу с момента подписания сторонами. " * 2
    written = "utf-8" if said == "iso-8859-1" else "koi8-r"
    content = f"From: a@b.c\nContent-Type: text/plain; charset={said}\n\n".encode()

    (document,) = read_content(content + russian.encode(written), "m.eml", Instructions()).documents

    assert russian.strip() in document.text


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("=?utf-8?B?5ZCI?= =?utf-8?B?5ZCM?=", "合同"),
        ("=?utf-8?B?5ZA=?= =?utf-8?B?iA==?=", "合"),
        ("=?gb2312?B?us/NrA==?= 2023", "合同 2023"),
        ("=?iso-8859-1?Q?Caf=E9_au_lait?=", "Café au lait"),
        ("=?x-none?Q?plain?=", "plain"),
        ("Re: =?utf-8?Q?a=?b?=", "Re: =?utf-8?Q?a=?b?="),
        ("a\r\n b\x07", "a b"),
        ("Größe".encode("cp1252").decode("ascii", "surrogateescape"), "Größe"),
    ],
)
def test_headers_are_read_whatever_was_done_to_them(raw, text):
    assert decoded_header(raw) == text


def test_broken_mail_survives():
    content = (
        b"From: a@b.c\nSubject: Cut off\nMIME-Version: 1.0\n"
        b"Content-Type: multipart/mixed; boundary=xx\n\n--xx\n"
        b"Content-Transfer-Encoding: base64\nContent-Type: text/plain\n\n!!!notbase64\n--x"
    )

    (document,) = read_content(content, "m.eml", Instructions()).documents

    assert "Subject: Cut off" in document.text


def test_a_letter_without_an_ending_is_known_by_its_headers():
    (document,) = read_content(bytes(letter()), "cur/1702.M1P2", Instructions()).documents

    assert document.kind == "mail"


def test_a_mailbox_holds_letters():
    box = b"".join(
        b"From ana@example.org Mon Dec  2 10:00:00 2024\n"
        + bytes(letter(f"Letter {n}", f">From {n}\n"))
        for n in range(3)
    )

    found = read_content(box, "box.mbox", Instructions())

    assert [document.path for document in found.documents] == [
        f"box.mbox#{n}.eml" for n in (1, 2, 3)
    ]
    assert "From 2" in found.documents[2].text


def nested(depth):
    content = b"From: a@b.c\nSubject: x\n"
    for n in range(depth):
        content += b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n)
    return content + b"\nend\n"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (nested(1_000), "deep"),
        (nested(200), "deep"),
        (
            b"From: a@b.c\nContent-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nx\n" * 100_000,
            "parts",
        ),
        (
            b"From: a@b.c\nContent-Type: text/plain; " + b"x=(((((" * 100_000 + b"\n\nx",
            "part header",
        ),
    ],
    ids=["1,000 deep", "200 deep", "100,000 parts", "header"],
)
def test_letters_made_to_harm_are_named(content, said):
    with pytest.raises(DocumentError, match=said) as refused:
        read_content(content, "m.eml", Instructions())

    assert refused.value.reason == Reason.UNSAFE


def test_long_headers_are_cut_and_named():
    content = b"From: a@b.c\nTo: " + b"(((a@b.c, " * 300_000 + b"\nSubject: x\n\nbody\n"

    (document,) = read_content(content, "m.eml", Instructions()).documents

    assert "characters left out]" in document.text
    assert len(document.text) < 30_000


def test_letters_that_carry_each_other_stop_at_three():
    message = letter("0")
    for n in range(1, 7):
        outer = letter(str(n))
        outer.add_attachment(message)
        message = outer

    found = read(message)

    assert len(found.documents) == 4
    assert "attached to a file that is itself attached" in found.problems[0]


def test_what_letters_carry_has_one_budget(monkeypatch):
    monkeypatch.setattr("docpager.documents.carried._MOST_CARRIED_BYTES", 25)
    message = letter()
    for n in range(3):
        message.add_attachment(b"x" * 10, maintype="text", subtype="plain", filename=f"{n}.txt")

    found = read(message)

    assert [document.path for document in found.documents][1:] == [
        "mail.eml#0.txt",
        "mail.eml#1.txt",
    ]
    assert "carries more than 25 bytes" in found.problems[0]
