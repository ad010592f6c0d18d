"""Return of every change to the national platform."""
