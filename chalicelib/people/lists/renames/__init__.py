"""Renames: list rows that give another name to a person who is known already."""
