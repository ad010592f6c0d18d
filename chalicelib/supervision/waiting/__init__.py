"""What waits for whom: one list over every step, from the clocks' table."""
