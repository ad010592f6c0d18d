"""Reports: counts that move with the audit records."""
