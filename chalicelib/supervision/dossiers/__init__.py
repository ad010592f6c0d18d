"""Dossiers made from the tables: a class with its neighbours, in a dozen calls."""
