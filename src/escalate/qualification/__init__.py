"""Qualification: published and independent cases run again on the user's machine, requirement by requirement."""
