"""Office files: their XML, or their RTF, becomes a document."""
