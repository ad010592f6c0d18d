"""Looks at personal data: each leaves a record before anything is opened."""
