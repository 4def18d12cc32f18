"""PDF files: pdfium first, pypdf where pdfium fails or finds nothing."""

from docpager.documents.pdf.reader import is_pdf, read_pdf

__all__ = ["is_pdf", "read_pdf"]
