"""Programs (funded schemes) and their versioned policy."""
