"""Dose-finding methods: one a file."""
