"""Picture files: each picture in one is a page, whose text is recognised."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from docpager.core.errors import DocumentError
from docpager.documents.carried import FileContents, Instructions
from docpager.documents.document import Document, PdfPage
from docpager.documents.ocr.recognition import ENGINE, GreyPicture, RecognisedPage
from docpager.documents.pdf.text_repair import dehyphenate, page_text
from docpager.documents.reasons import Reason

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["read_picture"]

_FORMATS = ("PNG", "JPEG", "TIFF", "WEBP", "BMP", "GIF")
_PAGED = "TIFF"
"""Its pictures are pages; those of other formats are an animation, or the same one smaller."""
_MOST_PAGES = 5_000
_MOST_PIXELS = 120_000_000
"""Of a picture before it is decoded; A3 at 600 dots an inch has 70 million."""
_MOST_RECOGNISED = 40_000_000
_DPI = 300
_FINE = 400
"""Dots an inch: finer pictures are made smaller, which costs no word and saves most of the time."""
_COARSE = 1_600
"""Pixels of the longer side: smaller ones are screenshots or thumbnails, which are enlarged."""


def read_picture(content: bytes, path: str, instructions: Instructions) -> FileContents:
    """A picture file, as far as its text was recognised.

    Raises:
        DocumentError: text is not to be recognised, or the file is damaged, or too large.
    """
    recogniser = instructions.recogniser
    if recogniser is None:
        raise DocumentError(
            f"{path!r} is a picture; recognise its text with `ReadingSettings.ocr=True`",
            Reason.NO_TEXT,
        )
    sha256 = hashlib.sha256(content).hexdigest()
    with _opened(content, path) as picture:
        count = _pages(picture, path)
        if recogniser.only is not None:
            if recogniser.only.sha256 == sha256:
                recogniser.take(_page(picture, recogniser.only.number - 1, path))
            return FileContents(())
    pages = [recogniser.page(sha256, number) for number in range(1, count + 1)]
    return FileContents((_document([page or RecognisedPage() for page in pages], sha256, path),))


@contextmanager
def _opened(content: bytes, path: str) -> Iterator[Image.Image]:
    """The picture; nothing of it is decoded yet."""
    from PIL import Image

    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            with Image.open(BytesIO(content), formats=_FORMATS) as picture:
                yield picture
        except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
            raise _too_large(path, "") from error
        # What Pillow raises for damaged files, which differs by format.
        except (OSError, SyntaxError, ValueError, EOFError, IndexError, TypeError) as error:
            detail = (str(error) or type(error).__name__)[:200]
            raise DocumentError(
                f"{path!r} is a damaged picture ({detail}); export it again", Reason.DAMAGED
            ) from error


def _too_large(path: str, size: str) -> DocumentError:
    return DocumentError(
        f"{path!r} has more{size} pixels than are read ({_MOST_PIXELS:,}); make it smaller",
        Reason.UNSAFE,
    )


def _pages(picture: Image.Image, path: str) -> int:
    count = getattr(picture, "n_frames", 1) if picture.format == _PAGED else 1
    if count > _MOST_PAGES:
        raise DocumentError(
            f"{path!r} holds {count:,} pictures; {_MOST_PAGES:,} are read at most", Reason.UNSAFE
        )
    return count


def _page(picture: Image.Image, index: int, path: str) -> GreyPicture:
    """One picture in grey, upright as its camera noted, at a size that suits the engine."""
    from PIL import Image, ImageOps

    picture.seek(index)
    width, height = picture.size
    if width * height > _MOST_PIXELS:
        raise _too_large(path, f" ({width:,} x {height:,})")
    dots = picture.info.get("dpi", (0, 0))[0]
    grey = _grey(ImageOps.exif_transpose(picture))
    scale = _DPI / dots if dots > _FINE else 1.0
    if max(width, height) < _COARSE and dots < _DPI:
        scale = 2.0
    scale = min(scale, (_MOST_RECOGNISED / (width * height)) ** 0.5)
    if scale != 1.0:
        size = max(1, round(grey.width * scale)), max(1, round(grey.height * scale))
        grey = grey.resize(size, Image.Resampling.LANCZOS)
    return GreyPicture(grey.width, grey.height, grey.tobytes(), _DPI)


def _grey(picture: Image.Image) -> Image.Image:
    """In 256 levels; what is transparent is white."""
    from PIL import Image

    if picture.mode.startswith("I") or picture.mode == "F":  # more than 256 levels
        import numpy as np

        levels = np.asarray(picture, dtype=np.float32)
        darkest, spread = levels.min(), np.ptp(levels) or 1.0
        return Image.fromarray(((levels - darkest) * (255 / spread)).astype(np.uint8))
    if picture.has_transparency_data:
        layers = picture.convert("RGBA")
        paper = Image.new("RGBA", layers.size, "white")
        return Image.alpha_composite(paper, layers).convert("L")
    return picture.convert("L")


def _document(pages: list[RecognisedPage], sha256: str, path: str) -> Document:
    texts = dehyphenate([page_text(page.text).text for page in pages])
    parts = [text.strip("\n") + "\n" if text.strip() else "" for text in texts]
    made, start = [], 0
    for number, (page, part) in enumerate(zip(pages, parts, strict=True), start=1):
        made.append(_pdf_page(number, page, start, start + len(part)))
        start += len(part)
    return Document(path, sha256, PurePosixPath(path).stem, "picture", "".join(parts), tuple(made))


def _pdf_page(number: int, page: RecognisedPage, start: int, end: int) -> PdfPage:
    has_text = end > start
    problem = None if has_text or page.is_blank else page.problem or Reason.NO_WORDS
    return PdfPage(
        number,
        str(number),
        start,
        end,
        problem,
        characters=sum(not mark.isspace() for mark in page.text),
        image_area=1.0,
        reader=ENGINE,
        doubt=Reason.RECOGNISED if has_text else None,
        confidence=page.confidence if has_text else None,
    )
