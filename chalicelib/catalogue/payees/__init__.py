"""Payees (收款账户): the accounts of institutions, put forward by one person and confirmed by another."""
