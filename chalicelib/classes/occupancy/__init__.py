"""What takes up a trainer or a room, and who else does."""
