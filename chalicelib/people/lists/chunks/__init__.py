"""The chunks of a list: its rows, some hundred together, as objects in S3."""
