"""Institutions, projects, and who may train whom."""
