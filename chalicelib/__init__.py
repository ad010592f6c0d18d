"""The training-voucher service: one package for each step in the life of a voucher."""
