"""Rosters (花名册): who is in a class."""
