"""Payability: may this trainee be paid for, and why."""
