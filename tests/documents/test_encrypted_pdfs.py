"""The second reader reads encrypted PDFs without a library for ciphers, which a user has not."""

import subprocess
import sys

import pytest
from make_pdf import encrypted_pdf, make_pdf

READ = """
import sys

for name in ("cryptography", "Crypto"):
    sys.modules[name] = None
from docpager.core.errors import DocumentError
from docpager.documents.pdf.pypdf_reader import SecondReader
from pypdf._crypt_providers import crypt_provider

assert crypt_provider[0] == "local_crypt_fallback", crypt_provider
with open(sys.argv[1], "rb") as file:
    second = SecondReader(file.read(), sys.argv[2] if len(sys.argv) > 2 else None)
try:
    extract = second.read_all("a.pdf", lambda page: None)
    print(second.has_layers(), *(page.text.text for page in extract.pages))
except DocumentError as error:
    print(error.reason, error)
"""


def read_without_ciphers(folder, content, *password):
    (folder / "a.pdf").write_bytes(content)
    done = subprocess.run(
        [sys.executable, "-c", READ, str(folder / "a.pdf"), *password],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.rstrip()


ALGORITHMS = pytest.mark.parametrize("algorithm", ["RC4-128", "AES-128", "AES-256-R5", "AES-256"])


@ALGORITHMS
def test_a_file_that_anybody_may_open_is_read(tmp_path, algorithm):
    content = encrypted_pdf("", algorithm, owner="0wner")

    assert read_without_ciphers(tmp_path, content) == "False secret words"


@ALGORITHMS
@pytest.mark.parametrize("owner", [None, "0wner"])
def test_a_file_is_read_with_its_password_only(tmp_path, algorithm, owner):
    content = encrypted_pdf("p4ss", algorithm, owner=owner)

    assert read_without_ciphers(tmp_path, content, "p4ss") == "False secret words"
    assert read_without_ciphers(tmp_path, content).startswith("encrypted 'a.pdf' is encrypted")
    assert "given for it does not open it" in read_without_ciphers(tmp_path, content, "wrong")


def test_a_file_that_only_speaks_of_encryption_is_handed_over_as_it_is(tmp_path):
    content = make_pdf(["the key /Encrypt of a trailer"])

    assert read_without_ciphers(tmp_path, content) == "False the key /Encrypt of a trailer"
