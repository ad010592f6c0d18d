"""Expiry of vouchers, recorded in the night."""
