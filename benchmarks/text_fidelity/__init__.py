"""How true the stored text of PDFs is, page by page, against readers that had no part in it."""
