"""Holds: what stops a line's payment until somebody lifts it."""
