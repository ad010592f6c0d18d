"""What waits for the bureau's decision."""
