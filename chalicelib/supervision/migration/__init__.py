"""Rows of an older schema version, written anew in today's."""
