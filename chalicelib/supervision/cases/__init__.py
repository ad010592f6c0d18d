"""Risk cases: what the rules find of one subject, and what a supervisor makes of it."""
