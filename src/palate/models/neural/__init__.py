"""The neural recommender: two embedding tables, a hidden layer, a rating."""
