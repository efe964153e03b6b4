"""Readers of image files: which one opens a file, within which bounds, and what it gives."""
