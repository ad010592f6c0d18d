"""Classes in which something happened: by day, and when each is to be evaluated."""
