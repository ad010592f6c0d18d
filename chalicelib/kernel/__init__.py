"""Vocabulary that every step shares: pure, without input or output."""
