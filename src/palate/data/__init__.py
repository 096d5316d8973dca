"""Tables in, integer-coded arrays out."""
