"""From first weights to trained ones."""
