"""Inspections (抽查): a sample that nobody can steer and everybody can draw again, and what was found."""
