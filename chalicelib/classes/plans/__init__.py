"""The plan of a class: what policy asks of it, how a draft becomes one, its forms."""
