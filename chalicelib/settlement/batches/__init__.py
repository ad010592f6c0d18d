"""Settlement batches: sealed, exported, closed."""
