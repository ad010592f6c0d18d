"""Set-off (抵扣): what an institution owes is kept of its next payment."""
