"""Subsidy claims (补贴申领) and their lines."""
