"""Credentials of software: programs of institutions and bureaus, asked for by one, confirmed by another."""
