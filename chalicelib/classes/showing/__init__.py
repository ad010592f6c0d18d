"""How a class is shown: with what it breaks, what waits, and what the caller may do."""
