"""What was tried as often as it may be, and is kept until a person decides."""
