"""A folder of PDFs costs no import of what reads other kinds of files."""

from __future__ import annotations

import subprocess
import sys

import pytest
from make_pdf import make_pdf

LIBRARIES = {"PIL", "chardet", "compressed_rtf", "olefile", "pypdf", "selectolax", "xlrd"}
ROOMS = ("docpager.documents.mail.", "docpager.documents.office.", "docpager.documents.web.")
TELL = "\nimport sys\nprint(*sys.modules, sep='\\n')"
READS = """
import sys
from pathlib import Path
from docpager.documents import reader_process
from docpager.documents.files import read_file
(document,) = read_file(Path(sys.argv[1]), "a.pdf").documents
assert document.text.startswith("Tin sales fell")
"""
INGESTS = """
import sys
from pathlib import Path
from docpager.archive.ingest import ingest
report = ingest([Path(sys.argv[1]).parent], Path(sys.argv[2]), embedder="hashing")
assert report.documents == 1
"""


@pytest.mark.parametrize("program", [READS, INGESTS])
def test_no_reader_of_another_kind_is_imported_for_pdfs(tmp_path, program):
    place = tmp_path / "files" / "a.pdf"
    place.parent.mkdir()
    place.write_bytes(make_pdf(["Tin sales fell in every one of the three regions.\n" * 9]))

    done = subprocess.run(
        [sys.executable, "-c", program + TELL, str(place), str(tmp_path / "archive")],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert done.returncode == 0, done.stderr
    imported = done.stdout.split()
    assert "docpager.documents.files" in imported
    assert not LIBRARIES & set(imported)
    assert not [name for name in imported if name.startswith(ROOMS)]
