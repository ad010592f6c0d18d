"""When classes are evaluated: as records arrive, in the night, and because somebody has to know."""
