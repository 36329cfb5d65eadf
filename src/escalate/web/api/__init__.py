"""The operations of the record as JSON over HTTP, under /api/v1/: the acts of `conduct`, asked for with a token."""
