"""Conversations over many sessions: what was said, what is remembered, how both are found again."""
