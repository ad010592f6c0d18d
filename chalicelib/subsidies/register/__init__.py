"""The register of what each person was subsidised for."""
