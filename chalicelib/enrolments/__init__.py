"""Verification of a scan, redemption, release."""
