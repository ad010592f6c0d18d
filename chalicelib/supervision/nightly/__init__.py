"""What a night computes of an area for pages to show."""
