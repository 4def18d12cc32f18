"""The model, seen from our side."""
