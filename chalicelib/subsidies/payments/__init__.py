"""What settlement makes of claims and lines: batched, paid, failed, taken back."""
