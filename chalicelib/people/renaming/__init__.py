"""Renaming: a second person decides whether another name of who is known counts."""
