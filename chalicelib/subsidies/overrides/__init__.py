"""Overrides (例外核准)."""
