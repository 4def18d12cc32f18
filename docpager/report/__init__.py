"""Runs and results for people to look at."""
