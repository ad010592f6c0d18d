"""Ratings of institutions: the figures behind a card, one row an institution."""
