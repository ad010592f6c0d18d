"""The audit chain, reports, and re-encryption after a key was rotated."""
