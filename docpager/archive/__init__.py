"""Archival storage: every passage of every document, on disk, searchable."""
