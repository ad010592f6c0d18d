"""A claim line as finance sees it: what the bank said of it, and everything that may be done with it."""
