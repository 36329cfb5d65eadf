"""What the protocol allows: one rule a file, the same for every method."""
