"""The report on holds: what was stopped, what became of it, and what money that was."""
