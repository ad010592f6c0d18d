"""Budgets: what a division may spend on a program in a year."""
