"""The HTTP routes, a file for each thing they answer about."""
