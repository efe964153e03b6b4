"""What counts as a right answer: read from the names of folders and files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

Key = tuple[str, ...]


@dataclass(frozen=True)
class Truth:
    """An image is a right answer where its ``answer`` key equals the query's ``question`` key.

    Keys are made from absolute paths. ``paired`` means that queries and gallery must be different
    folders, because the two sides are named differently.
    """

    name: str
    rule: str
    question: Callable[[Path], Key]
    answer: Callable[[Path], Key]
    paired: bool = False


def class_of(path: Path) -> str:
    """An image's class: the name of the folder that directly contains it."""
    return path.parent.name


def _class(path: Path) -> Key:
    return (class_of(path),)


def _drawn_from(path: Path) -> Key:
    before, dash, _ = path.stem.rpartition("-")
    return class_of(path), before if dash else path.stem


def _instance(path: Path) -> Key:
    return class_of(path), path.stem


def _name(path: Path) -> Key:
    return (path.stem,)


TRUTHS: Mapping[str, Truth] = {
    truth.name: truth
    for truth in (
        Truth(
            "class",
            "every image in a folder of the same name as the query's (the folder that directly "
            "contains the file)",
            _class,
            _class,
        ),
        Truth(
            "instance",
            "the image X.* in a folder of the same name, where the query is called X-n.* (X is the "
            "file name up to its last hyphen)",
            _drawn_from,
            _instance,
            paired=True,
        ),
        Truth(
            "same-name",
            "every other image with the query's file name, whatever its folder and its ending",
            _name,
            _name,
        ),
    )
}


def numbered(
    truth: Truth, questions: list[Path], answers: list[Path]
) -> tuple[list[int], list[int]]:
    """Return the keys of both sides as numbers, equal where the keys are."""
    numbers: dict[Key, int] = {}
    asked = [numbers.setdefault(truth.question(path), len(numbers)) for path in questions]
    held = [numbers.setdefault(truth.answer(path), len(numbers)) for path in answers]
    return asked, held
