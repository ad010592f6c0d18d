"""Payability, subsidy claims, reviews, publicity."""
