"""Drawings on any paper, made ready to be compared, and told from photos."""
