"""The vault of personal data, graduate lists, eligibility."""
