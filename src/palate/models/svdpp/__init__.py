"""Matrix factorization with sums over the ratings of users and of items."""
