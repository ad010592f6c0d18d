"""Re-encryption after a key was rotated."""
