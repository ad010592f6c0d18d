"""Deciding on several things in one call."""
