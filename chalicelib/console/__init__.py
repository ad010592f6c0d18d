"""Documents and pages for browsers."""
