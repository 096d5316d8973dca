"""Measure a model on events that it has not learned from."""
