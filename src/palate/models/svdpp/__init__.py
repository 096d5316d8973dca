"""Matrix factorization with sums over the ratings of both sides."""
