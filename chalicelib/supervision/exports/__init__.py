"""Exports of records that supervisors ask for: made by a worker, kept for thirty days, each opening told."""
