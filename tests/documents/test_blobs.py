"""Base64 is left out and named; what only looks like it stays."""

import base64
import hashlib
import json
import random

import pytest

from docpager.documents.blobs import without_blobs
from docpager.documents.carried import Instructions, read_content
from docpager.documents.text import readable_json

BYTES = random.Random(1).randbytes(3_000)
CODED = base64.b64encode(BYTES).decode()
LEFT_OUT = "[3,000 bytes of base64 left out]"


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (f'{{"png": "{CODED}"}}', f'{{"png": "{LEFT_OUT}"}}'),
        (
            f'<img src="data:image/png;base64,{CODED}" alt="Plan">',
            f'<img src="data:image/png;base64,{LEFT_OUT}" alt="Plan">',
        ),
        (f"![Plan](data:image/png;base64,{CODED})", f"![Plan](data:image/png;base64,{LEFT_OUT})"),
        (
            f"before\n\n{base64.encodebytes(BYTES).decode()}\nafter",
            f"before\n\n{LEFT_OUT}\n\nafter",
        ),
        (
            f"-----BEGIN KEY-----\n{base64.encodebytes(BYTES).decode()}-----END KEY-----\n",
            f"-----BEGIN KEY-----\n{LEFT_OUT}\n-----END KEY-----\n",
        ),
        (f"id: {base64.urlsafe_b64encode(BYTES).decode()} end", f"id: {LEFT_OUT} end"),
        (f'"{CODED.replace("/", chr(92) + "/")}"', f'"{LEFT_OUT}"'),
    ],
)
def test_base64_is_left_out_with_its_size(text, left):
    assert without_blobs(text) == left


@pytest.mark.parametrize(
    "text",
    [
        "ACGT" * 300,
        "MKVLAAGIVGLCAKAYLEHRDQNPSTVW" * 30,
        hashlib.sha512(b"x").hexdigest() * 4,
        "Donaudampfschifffahrtsgesellschaftskapitän" * 20,
        "/".join(f"SomePackage{n}/moduleName" for n in range(40)),
        "the_quick_brown_fox_" * 40,
        "0123456789" * 60,
        "-" * 500,
        "=" * 500,
        "\n".join("GATTACA" * 10 for _ in range(30)),
        "\n".join(hashlib.sha256(bytes([n])).hexdigest() for n in range(30)),
        f"sha: {CODED[:86]}==",
    ],
)
def test_long_words_hashes_paths_and_genes_stay(text):
    assert without_blobs(text) == text


def test_json_is_read_with_the_characters_that_its_escapes_stand_for():
    value = [{"name": "合同", "note": 'Срок: 𝄞 "пять" \\u0041 лет\nи день', "half": "\ud83d"}]
    content = json.dumps(value).encode()

    (document,) = read_content(content, "a.json", Instructions()).documents

    assert '"name": "合同"' in document.text
    assert 'Срок: 𝄞 \\"пять\\" \\\\u0041 лет\nи день' in document.text
    document.text.encode()


def test_escapes_that_hold_the_structure_stay():
    assert readable_json(r'"a\u0022b\u005cc\u0000"') == r'"a\u0022b\u005cc\u0000"'
    assert readable_json(r'"C:\\users\\né"') == r'"C:\\users\\né"'


def test_lines_without_a_text_field_are_decoded_too():
    content = b'{"question": "\\u5408\\u540c", "reply": "Soci\\u00e9t\\u00e9"}\n'

    (document,) = read_content(content, "a.jsonl", Instructions()).documents

    assert document.text == '{"question": "合同", "reply": "Société"}'
