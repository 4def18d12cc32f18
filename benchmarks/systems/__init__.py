"""Systems: docpager and what people would use instead."""
