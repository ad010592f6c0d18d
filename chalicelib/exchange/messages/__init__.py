"""What the national platform is told, form by form."""
