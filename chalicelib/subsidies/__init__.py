"""Payability, subsidy claims and their reviews, publicity, overrides, documents, budgets, holds."""
