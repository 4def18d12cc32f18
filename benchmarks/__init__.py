"""Paging against truncation and others: contestants, tasks, runs, scores, reports."""
