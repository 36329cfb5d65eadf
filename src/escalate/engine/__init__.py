"""Compiled kernels and what feeds them: the decision automaton, exact propagation, Monte Carlo."""
