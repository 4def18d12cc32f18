"""What small language models on a server of one's own make of paging."""
