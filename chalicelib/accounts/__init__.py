"""Staff accounts, sign-in, and who may do what."""
