"""Which model suits a table: checkup, search, comparison, report."""
