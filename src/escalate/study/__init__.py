"""The instruments: each asks the one decision function in its own way."""
