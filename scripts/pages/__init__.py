"""The pages, and parts of pages, that follow from the code."""
