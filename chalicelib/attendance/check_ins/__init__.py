"""Check-ins (打卡): sent by a trainee's device, decided by the rules."""
