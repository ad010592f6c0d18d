"""Issuance, claim, QR, expiry, revocation of vouchers."""
