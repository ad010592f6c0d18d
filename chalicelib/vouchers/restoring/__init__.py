"""Restoring: a lost voucher given back; the state it was in, and what stands against it."""
