"""Footage (监控录像): announced, stored, locked, shown."""
