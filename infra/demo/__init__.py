"""The demo: the whole life of a voucher told over HTTP, every figure checked (`make demo`)."""
