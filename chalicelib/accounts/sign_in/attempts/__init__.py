"""Failed sign-ins."""
