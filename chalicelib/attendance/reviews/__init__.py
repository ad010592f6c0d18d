"""The bureau's look at check-ins."""
