"""Rows of rosters and marks, which name trainees: as JSON, or as a sheet."""
