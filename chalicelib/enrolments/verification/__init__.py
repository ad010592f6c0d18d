"""Verification of a scan: what it would do, without doing it."""
