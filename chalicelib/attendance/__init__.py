"""Check-ins, footage, attendance records."""
