"""Choose a model: check the table, search, compare, report."""
