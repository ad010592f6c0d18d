"""Marks (成绩): recorded, corrected, looked back at."""
