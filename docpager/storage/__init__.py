"""Files that survive a crash: whole or absent, one writer, one line at a time."""
