"""The trial record: database, decisions, audit trail."""
