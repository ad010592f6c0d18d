"""What takes up a trainer or a room."""
