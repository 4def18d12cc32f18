"""The command line: parse, print, decide nothing."""
