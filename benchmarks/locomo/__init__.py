"""Very long conversations (LoCoMo): what chat remembers, beside simpler ways to remember."""
