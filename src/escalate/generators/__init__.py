"""Generators of scenarios: one file each, the module named as its kind."""
