"""PDF files: pdfium first, pypdf where pdfium fails or finds nothing."""

from docpager.documents.pdf.extract import ATTACHED
from docpager.documents.pdf.reader import is_pdf, read_pdf, read_pdf_and_attached

__all__ = ["ATTACHED", "is_pdf", "read_pdf", "read_pdf_and_attached"]
