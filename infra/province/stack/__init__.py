"""A small lively province on a running local stack, so that pages and lists have something to show."""
