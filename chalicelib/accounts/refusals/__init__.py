"""Refused attempts on accounts, kept as evidence."""
