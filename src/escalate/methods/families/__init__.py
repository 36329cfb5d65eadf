"""What methods of one kind have in common."""
