"""The pages of a trial: each reads the record, asks the design, and shows; nothing is computed here."""
