"""What was said and remembered, kept for good and found again."""
