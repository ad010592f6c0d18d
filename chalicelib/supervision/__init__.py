"""Audit chain and reports."""
