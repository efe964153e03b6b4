"""Indexes over vectors; ``base.VectorIndex`` is what each of them does."""
