"""Which accounts a person has and had, and whose hands count as theirs."""
