"""Attendance, computed from its records."""
