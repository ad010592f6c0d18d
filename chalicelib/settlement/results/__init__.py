"""Payment results: what the bank did with each line."""
