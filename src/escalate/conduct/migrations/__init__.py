"""The tables of the record, version by version."""
