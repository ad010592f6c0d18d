"""Signing in: by password and one-time code, by social card, by refresh token."""
