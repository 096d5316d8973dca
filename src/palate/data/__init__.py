"""Read tables into integer-coded arrays, and split them."""
