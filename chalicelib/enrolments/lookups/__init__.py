"""A person looked up by their ID number: what of theirs lies in the caller's area."""
