"""Spreadsheets and csv, whoever made them: reading, writing, forms to fill in."""
