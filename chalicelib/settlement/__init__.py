"""Budgets, ledger, settlement batches, payment results."""
