"""Subsidy claims (补贴申领): filed, reviewed twice, closed."""
