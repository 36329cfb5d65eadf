"""Proof that an installation gives the answers it should: requirements, their cases, and what came out."""
