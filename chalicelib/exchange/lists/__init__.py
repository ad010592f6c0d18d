"""Deliveries by state: lists, and how many there are."""
