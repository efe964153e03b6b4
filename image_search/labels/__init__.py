"""Labels of images: taken from names of files, given by people, and predicted by a classifier."""

from __future__ import annotations

from pathlib import Path

from image_search.settings import Settings

#: What stands before the name of a label among the words of a query.
LABEL_PREFIX = "label:"


def label_files(settings: Settings) -> tuple[Path, Path]:
    """Return where the classifier is kept, and the labels that people gave or refused."""
    return settings.state_dir / "labels.pkl", settings.state_dir / "labels.sqlite"
