"""What systems are asked, and what would have been right; the two are handed out apart."""
