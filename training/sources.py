"""Which pictures teach what, and which are kept apart to judge by."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp"})

#: Classes that the network never sees in training, in whichever set they occur, by folder name.
HELD_OUT = frozenset(
    {
        *("apple", "bell", "candle", "couch", "elephant", "flower", "guitar", "helicopter"),
        *("lobster", "owl", "piano", "raccoon", "scorpion", "snail", "teapot", "wheelchair"),
        # Of garments, and of what has no sketches.
        *("blazer", "hat", "longsleeve", "polo", "shorts", "skirt", "top"),
        *("grand_piano", "butterfly", "chair", "ferry", "lotus", "panda", "sunflower", "watch"),
        *("banded", "crosshatched"),
    }
)
#: Sets with classes as folders; ``corel1k`` and ``jewellery`` are only judged by.
LABELLED = ("caltech101", "clothing", "dtd10")
PHOTO, SKETCH = "photo", "sketch"
#: What begins the name of a line drawing among the styles of a concept.
LINE = "line_"


@dataclass(frozen=True)
class Item:
    """A picture, and drawings of the very same; ``label`` is what it shows, alike in all sets, or
    nothing where that is not known."""

    photo: Path
    label: str = ""
    drawings: tuple[Path, ...] = ()
    style: str = PHOTO

    @property
    def painted(self) -> bool:
        """Whether it is neither a photo nor a sketch."""
        return self.style not in (PHOTO, SKETCH)


@dataclass(frozen=True)
class Concept:
    """One thing in several styles, none of them the same picture."""

    pictures: tuple[Path, ...]
    drawings: tuple[Path, ...]


def held_out(label: str) -> bool:
    """Whether pictures with this label are kept for judging."""
    return label.lower().replace(" ", "_") in HELD_OUT


def items(folder: Path) -> list[Item]:
    """Everything to learn from in ``folder``, which holds the sets by name; absent ones are left
    out, and so is what is held out."""
    found = [*_sketched(folder / "sketchy"), *_styled(folder / "pacs")]
    for name in LABELLED:
        found += [Item(path, path.parent.name) for path in below(folder / name)]
    return [item for item in found if not held_out(item.label)]


def unlabelled(folder: Path) -> list[Item]:
    """Photos of which nothing is known, without those that the words of their names hold out."""
    names = ((path, path.stem.lower()) for path in _pictures(folder))
    return [Item(path) for path, name in names if not any(word in name for word in _LONG_WORDS)]


def concepts(folder: Path) -> list[Concept]:
    """Folders that each hold one thing in several styles, named by the code points of the character
    that means it; those that mean a held-out class are left out."""
    found = []
    for place in _folders(folder):
        if _words(place.name) & _HELD_OUT_WORDS:
            continue
        files = _pictures(place)
        shown = tuple(path for path in files if not path.name.startswith(LINE))
        drawn = tuple(path for path in files if path.name.startswith(LINE))
        if len(shown) >= 2:
            found.append(Concept(shown, drawn))
    return found


def loose(folder: Path) -> list[Path]:
    """Pictures of which nothing is known."""
    return _pictures(folder)


def below(folder: Path) -> list[Path]:
    """The pictures in the folders in ``folder``."""
    return [path for place in _folders(folder) for path in _pictures(place)]


def _sketched(folder: Path) -> Iterator[Item]:
    """``sketch/CLASS/X-n.png`` was drawn from ``photo/CLASS/X.jpg``."""
    sketches: dict[tuple[str, str], list[Path]] = {}
    for path in below(folder / "sketch"):
        sketches.setdefault((path.parent.name, path.stem.rsplit("-", 1)[0]), []).append(path)
    for path in below(folder / "photo"):
        drawn = sketches.get((path.parent.name, path.stem), [])
        yield Item(path, path.parent.name, tuple(drawn))


def _styled(folder: Path) -> Iterator[Item]:
    for style in _folders(folder):
        for path in below(style):
            yield Item(path, path.parent.name, style=style.name)


def _words(code_points: str) -> set[str]:
    """The words in the names of characters written as in ``1f98e-200d``."""
    try:
        characters = [chr(int(point, 16)) for point in code_points.replace("_", "-").split("-")]
    except (ValueError, OverflowError):
        return set(code_points.lower().split("-"))
    names = " ".join(unicodedata.name(character, "") for character in characters)
    return set(names.lower().replace("-", " ").split())


_HELD_OUT_WORDS = {word for label in HELD_OUT for word in label.split("_")}
# Names of files run words together, as in "kitchenChair"; short words lie within others.
_LONG_WORDS = sorted(word for word in _HELD_OUT_WORDS if len(word) >= 5)


def _folders(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.is_dir())


def _pictures(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
