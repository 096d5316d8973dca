"""How good a model is on events it has not seen."""
