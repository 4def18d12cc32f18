"""Text recognised in pictures: scanned pages of PDFs, and picture files."""
