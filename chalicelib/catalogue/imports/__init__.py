"""The catalogue from a sheet."""
