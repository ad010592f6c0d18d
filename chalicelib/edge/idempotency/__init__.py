"""`Idempotency-Key`: the first answer to a key, kept and given again."""
