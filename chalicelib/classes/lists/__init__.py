"""Lists of classes: of an institution or an area, with what is picked out of them."""
