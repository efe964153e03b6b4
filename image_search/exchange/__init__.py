"""Vectors for other programs, and vectors made by them: ``exporting.py`` writes what an extractor
saw of each image, ``importing.py`` takes up what another program saw (``vector_files.py`` reads its
files), ``spreadsheets.py`` guards text in tables."""
