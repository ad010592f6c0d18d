"""What each area of the pages reads, and how it is laid out: the pages themselves are templates."""
