"""Comparing what stands in the tables with what the audit chain has seen."""
