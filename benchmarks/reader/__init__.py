"""What the built-in reader is worth, on the set it was made with and on sets it was not."""
