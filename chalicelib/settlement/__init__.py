"""Settlement batches, payment results, the ledger and its verification, clawback, statements."""
