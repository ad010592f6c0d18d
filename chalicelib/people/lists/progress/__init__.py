"""How far the work on a list is."""
