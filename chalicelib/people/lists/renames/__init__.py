"""Renames: list rows that give another name to who is known already; `people/renaming` decides on them."""
