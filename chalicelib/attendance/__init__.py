"""Check-ins and their review, make-ups, roll-calls, footage, and the attendance computed from them."""
