"""Check-ins that the national platform forwards."""
