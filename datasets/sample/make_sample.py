"""Sets the texts of `material/` as PDFs, the same bytes on every run with the same versions.

python datasets/sample/make_sample.py            # rewrites documents/ and checksums.json
python datasets/sample/make_sample.py --out DIR  # writes both to DIR
"""

from __future__ import annotations

import argparse
import hashlib
import json
import zlib
from pathlib import Path

import PIL
import reportlab
from markup import read_blocks
from reportlab.lib.pagesizes import A4, A5, B5
from styles import Look
from typesetting import typeset

HERE = Path(__file__).parent
SERIF, SANS = ("Times-Roman", "Times-Bold"), ("Helvetica", "Helvetica-Bold")
LOOKS = {
    "veldmark-tramways-annual-report-2023": Look(
        "Veldmark Tramways: Annual Report 2023", B5, 56, *SERIF, 10.5, "en"
    ),
    "series-k-maintenance-manual": Look(
        "Series K: Maintenance Manual, sixth issue", A5, 42, *SANS, 8.5, "en"
    ),
    "central-stores-inventory": Look("Central Stores: Inventory 2023", A4, 58, *SANS, 9.6, "en"),
    "skarvholm-field-report-2021": Look(
        "Skarvholm Research Station: Season 2021", A4, 62, *SERIF, 11.2, "en"
    ),
    "kupferloeffel-satzung-und-protokolle": Look(
        "Kupferlöffel eG: Satzung und Protokolle", A5, 46, *SERIF, 10, "de"
    ),
    "pruefbericht-klippenaufzug-2023": Look(
        "Prüfbericht 2023-0871: Klippenaufzug", A4, 70, *SANS, 10.5, "de"
    ),
}


def main() -> None:
    """Write every document and the list of checksums."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--out", type=Path, default=HERE, help="folder that receives documents/ and checksums.json"
    )
    out = parser.parse_args().out
    (out / "documents").mkdir(parents=True, exist_ok=True)
    for name, look in LOOKS.items():
        source = (HERE / "material" / f"{name}.txt").read_text(encoding="utf-8")
        typeset(read_blocks(source), look, out / "documents" / f"{name}.pdf")
    (out / "checksums.json").write_text(
        json.dumps(checksums(out), indent=2) + "\n", encoding="utf-8"
    )


def checksums(out: Path) -> dict[str, dict[str, str]]:
    """The versions that made the bytes, and the SHA-256 of each document."""
    paths = sorted((out / "documents").glob("*.pdf"))
    return {
        "made_with": versions(),
        "sha256": {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in paths},
    }


def versions() -> dict[str, str]:
    """Whatever the bytes depend on."""
    return {
        "reportlab": reportlab.Version,
        "pillow": PIL.__version__,
        "zlib": zlib.ZLIB_RUNTIME_VERSION,
    }


if __name__ == "__main__":
    main()
