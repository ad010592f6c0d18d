"""A synthetic province: honest traffic and labelled fraud as records, and what scores findings by it."""
