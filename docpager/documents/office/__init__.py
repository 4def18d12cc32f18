"""Office files: what people write, calculate and present with."""
