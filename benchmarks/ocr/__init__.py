"""How well scanned pages are read."""
