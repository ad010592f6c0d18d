"""Completion (结业): applied for by the institution, decided by the bureau."""
