"""Dose-outcome models: beta-binomial tails, isotonic estimates, one-parameter models as tables of nodes."""
