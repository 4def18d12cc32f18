"""Paging against truncation and others: systems, tasks, runs, scores, reports."""
