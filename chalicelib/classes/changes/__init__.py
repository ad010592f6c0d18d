"""Changes of a running class."""
