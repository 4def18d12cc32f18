"""Runs and answers in the forms that other programs open."""
