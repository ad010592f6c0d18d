"""What comes after a result: a failed line is released, a wrong result is corrected, each by two officers."""
