"""Publicity (公示) and objections."""
