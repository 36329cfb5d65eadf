"""What makes the documentation site: pages generated from the code, and pages taken from elsewhere in the repository."""
