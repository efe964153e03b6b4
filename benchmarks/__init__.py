"""Commands that measure what the documentation claims; each writes its own section of a page in
``docs/``. Run one with ``python -m benchmarks.NAME --help``.
"""
