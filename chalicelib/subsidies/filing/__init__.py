"""Filing a subsidy claim (申领): for a scored class, and again after it was returned."""
