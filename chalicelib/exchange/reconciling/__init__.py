"""What stands in the tables, what was told, and what the platform has, held against each other."""
