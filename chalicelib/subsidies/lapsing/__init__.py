"""Scored classes for which nothing is paid."""
