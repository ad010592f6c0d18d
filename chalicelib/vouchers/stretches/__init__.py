"""A division's vouchers in the order of their ids, piece by piece."""
