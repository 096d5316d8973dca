"""Bayesian matrix factorization, sampled by Gibbs steps."""
