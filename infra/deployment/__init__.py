"""What stands in an account: template, rights, limits, package, and how it gets there."""
