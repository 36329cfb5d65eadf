"""What people and programs read: JSON, tables, figures, files to start from."""
