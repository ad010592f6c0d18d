"""The report on idling: how many vouchers are claimed and used, and how long those in no class wait."""
