"""Institutions (承训机构): who may teach, where, and how they are paid."""
