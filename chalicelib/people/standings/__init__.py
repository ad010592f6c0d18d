"""What cross-match lists say of people."""
