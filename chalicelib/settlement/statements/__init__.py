"""Statements by month and year."""
