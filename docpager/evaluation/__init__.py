"""Answers scored against gold: metrics, intervals, comparisons; pure functions, no I/O."""
