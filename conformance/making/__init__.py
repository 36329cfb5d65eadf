"""Make the conformance vectors from the reference values of the tests and from exact arithmetic. Imports nothing of escalate."""
