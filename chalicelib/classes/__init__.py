"""Class applications, lessons, roster, completion, scores."""
