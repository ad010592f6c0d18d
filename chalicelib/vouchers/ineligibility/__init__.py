"""What a cross-match list does to vouchers."""
