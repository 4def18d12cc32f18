"""What tests of docpager and of its users need."""
