"""The pages of staff: sessions, decisions, and one folder of areas."""
