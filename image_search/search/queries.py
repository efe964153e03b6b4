"""What can be asked: the one query that the page, the command line and the library share."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from image_search.errors import InvalidQuery
from image_search.search.filters import Filter
from image_search.search.palettes import Colour
from image_search.search.presets import PRESETS
from image_search.search.ranking.weighting import KINDS

# How many hits are shown where the query does not say.
TOP_K = 30
# Words beyond this many characters say nothing to a text model that reads 77 tokens.
MAX_TEXT = 1000
# What one query may hold: each part costs memory and time, and no person asks for so much.
MAX_PICTURES = 32
MAX_LIKE = 50
MAX_COLOURS = 32
MAX_WEIGHTS = 64
AUTO = "auto"


@dataclass(frozen=True)
class Region:
    """A box on the picture: left, top, width and height as fractions of its sides."""

    x: float
    y: float
    width: float
    height: float

    def __post_init__(self) -> None:
        sides = (self.x, self.y, self.width, self.height)
        inside = self.x + self.width <= 1.001 and self.y + self.height <= 1.001
        if not (all(math.isfinite(s) and s >= 0 for s in sides) and inside):
            raise InvalidQuery(
                "region must be x,y,width,height as fractions of the picture between 0 and 1, "
                "for example 0.25,0.25,0.5,0.5."
            )
        if min(self.width, self.height) <= 0:
            raise InvalidQuery("region must have a width and a height above 0.")

    def on_whole(self, box: Region | None) -> Region:
        """The same place on the whole picture, where this one lies within a ``box`` of it."""
        if box is None:
            return self
        return Region(
            box.x + self.x * box.width,
            box.y + self.y * box.height,
            self.width * box.width,
            self.height * box.height,
        )


@dataclass(frozen=True)
class Query:
    """What is asked. Whatever is given is asked for together.

    ``images``: pictures, the bytes of image files. ``like``: ids of indexed images. ``text``: words
    for what is wanted; ``not_text``: for what is not. ``color``: colours that replace those of the
    pictures. ``region``: the part of the one picture that asks. ``kind``: whether the pictures are
    photos or sketches, or ``auto`` to tell from the pictures. ``weights`` by extractor, or by group
    of extractors, replace the defaults, and what is not named in them has no say; ``preset`` names
    a mixture in their place (see ``image_search.search.presets``). ``filter`` is what every hit
    must fulfil. ``k`` hits are wanted. ``original``: pictures of drawings are compared as they are,
    rather than cleaned of their paper first.
    """

    images: tuple[bytes, ...] = ()
    text: str | None = None
    k: int = TOP_K
    weights: Mapping[str, float] | None = None
    like: tuple[str, ...] = ()
    not_text: str | None = None
    kind: str = AUTO
    color: tuple[Colour, ...] = ()
    region: Region | None = None
    filter: Filter = field(default_factory=Filter)
    preset: str = AUTO
    original: bool = False

    @property
    def worded(self) -> bool:
        """Whether there are words in it, for what is wanted or for what is not."""
        return bool(words(self.text) or words(self.not_text))

    def check(self) -> None:
        """See that the query makes sense by itself.

        Raises:
            InvalidQuery: it is empty, contradictory or out of range.
        """
        if not (self.images or self.like or self.color or words(self.text)):
            wanting = "what is wanted, beside what is not" if words(self.not_text) else "something"
            raise InvalidQuery(
                f"The query is empty; say {wanting}: an image, words, a colour, or more than one."
            )
        for given, most, what in (
            (self.images, MAX_PICTURES, "images"),
            (self.like, MAX_LIKE, "ids in like"),
            (self.color, MAX_COLOURS, "colours"),
            (self.weights or {}, MAX_WEIGHTS, "weights"),
        ):
            if len(given) > most:
                raise InvalidQuery(
                    f"The query holds {len(given):,} {what}; at most {most} can be asked with."
                )
        if self.k < 1:
            raise InvalidQuery(f"k must be at least 1, not {self.k}.")
        if max(len(words(self.text)), len(words(self.not_text))) > MAX_TEXT:
            raise InvalidQuery(f"The words are too long; use at most {MAX_TEXT} characters.")
        if self.kind not in (AUTO, *KINDS):
            raise InvalidQuery(f"kind must be auto, {' or '.join(KINDS)}, not {self.kind[:40]!r}.")
        if self.region is not None and len(self.images) != 1:
            raise InvalidQuery("region marks a part of one uploaded picture; send exactly one.")
        if self.preset not in (AUTO, *PRESETS):
            raise InvalidQuery(
                f"preset must be one of {', '.join((AUTO, *PRESETS))}, not {self.preset[:40]!r}."
            )
        if self.weights is None:
            return
        if self.preset != AUTO:
            raise InvalidQuery("Both weights and a preset are given; leave one of them out.")
        if not all(math.isfinite(weight) and weight >= 0 for weight in self.weights.values()):
            raise InvalidQuery("Weights must be numbers of at least 0.")
        if not any(self.weights.values()):
            raise InvalidQuery("All weights are zero; give one above zero.")


def words(text: str | None) -> str:
    """The text without blanks around it; empty where there is none."""
    return (text or "").strip()


def parse_region(text: str) -> Region:
    """``x,y,width,height`` as fractions of the picture.

    Raises:
        InvalidQuery: it is not.
    """
    try:
        x, y, width, height = (float(part) for part in text.split(","))
    except ValueError:
        x = y = width = height = math.nan
    return Region(x, y, width, height)
