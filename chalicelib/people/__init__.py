"""The vault of personal data, lists of people and what these say of them, eligibility."""
