"""The published list (公布目录)."""
