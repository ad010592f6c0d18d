"""What a recording is, by its own bytes: its head, and whether what the head tells of is there."""
