"""Model selection: the checkup of a table, the search for a model, comparison, report."""
