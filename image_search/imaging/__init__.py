"""Bytes to pixels, and pixels made comparable."""
