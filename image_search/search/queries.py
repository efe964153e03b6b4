"""What can be asked and found, for the page, the command line and the library alike.

A query may have filters, which are exact whatever the index, and weights by extractor, by group of
extractors or by the name of a mixture.
"""

from __future__ import annotations

import fnmatch
import math
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from image_search.errors import InvalidQuery
from image_search.extractors import REGISTRY
from image_search.search.changing import Change
from image_search.search.palettes import Colour
from image_search.search.ranking.fusion import (
    KINDS,
    QUERY_EXPANSION,
)
from image_search.storage import Records

# How many hits are shown by default.
TOP_K = 30
# A text model reads 77 tokens; words beyond this many characters are never among them.
MAX_TEXT = 1000
# What one query may hold: each part costs memory and time, and no person asks for so much.
MAX_PICTURES = 32
MAX_LIKE = 50
MAX_COLOURS = 32
MAX_WEIGHTS = 64
MAX_REGIONS = 16
MAX_LABELS = 8
AUTO = "auto"
# How the raw features of one extractor are compared.
COSINE, EUCLIDEAN, DOT_PRODUCT = "cosine", "euclidean", "dotproduct"
METRICS = (COSINE, EUCLIDEAN, DOT_PRODUCT)
# How a marked part is looked for: as a whole image, inside other images, and inside those that
# differ elsewhere.
WHOLE_IMAGE, INSIDE, DIFFERENT = "whole", "inside", "different"
PART_ORDERS = (WHOLE_IMAGE, INSIDE, DIFFERENT)
ORIENTATIONS = ("portrait", "landscape", "square")
# Characters that are compared with every path: a file name has 255 at most, a path 4,096.
MAX_NAME = 300
MAX_FOLDER = 4096
# Sides that differ by less than this share count as equal.
_SQUARE = 0.05

Mask = npt.NDArray[np.bool_]

# Weights by hand in words: groups of extractors, and mixtures of them that have a name.
MEANING, STRUCTURE, COLOUR, STYLE = "meaning", "structure", "colour", "style"
_GROUPS: Mapping[str, str] = {
    "edges": STRUCTURE,
    "texture": STRUCTURE,
    "hsv": COLOUR,
    "style": STYLE,
    "style-vgg19": STYLE,
}
GROUPS = (MEANING, STRUCTURE, COLOUR, STYLE)

PRESETS: Mapping[str, Mapping[str, float]] = MappingProxyType(
    {
        "idea": {MEANING: 80, STRUCTURE: 15, COLOUR: 5, STYLE: 0},
        "form": {MEANING: 10, STRUCTURE: 85, COLOUR: 5, STYLE: 0},
        "colours": {MEANING: 5, STRUCTURE: 10, COLOUR: 85, STYLE: 0},
        "even": {MEANING: 50, STRUCTURE: 50, COLOUR: 50, STYLE: 0},
        "style": {MEANING: 0, STRUCTURE: 0, COLOUR: 0, STYLE: 100},
        "other_subject": {MEANING: -50, STRUCTURE: 0, COLOUR: 0, STYLE: 100},
    }
)
"""Mixtures: the weight of each group, in any unit. A weight below 0 puts what is alike further
back: the same style, but another subject."""


# The least side of a region, as a fraction of the picture's: ten pixels of the largest pictures.
SMALLEST_SIDE = 0.001


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
        if min(self.width, self.height) < SMALLEST_SIDE:
            raise InvalidQuery(
                f"region must be at least {SMALLEST_SIDE:g} of the picture's width and height."
            )

    def __str__(self) -> str:
        """The same as text, as ``parse_region`` reads it."""
        return ",".join(f"{side:.4f}" for side in (self.x, self.y, self.width, self.height))

    def on_whole(self, box: Region | None) -> Region:
        """This region of a ``box`` as a region of the whole picture; ``None`` is the whole one."""
        if box is None:
            return self
        return Region(
            box.x + self.x * box.width,
            box.y + self.y * box.height,
            self.width * box.width,
            self.height * box.height,
        )


@dataclass(frozen=True)
class Filter:
    """The conditions on an image; ``None`` for those that do not matter.

    ``folder``: it lies in this folder or below, relative to the image folder. ``name``: its file
    name matches this pattern (``*`` and ``?``) or holds this text; case does not count. ``after``
    and ``before``: it was altered at or after, and before, these times (seconds since 1970).
    ``min_side``: its shorter side has at least so many pixels. ``orientation``: one of
    ``ORIENTATIONS``. ``label``: it has all these labels; see ``image_search.labels``. ``shows``: it
    shows these things, as a classifier sees it. Both are looked up before: ``ids`` (n,), in
    ascending order, are those of the images of which they are true.
    """

    folder: str | None = None
    name: str | None = None
    after: float | None = None
    before: float | None = None
    min_side: int | None = None
    orientation: str | None = None
    label: tuple[str, ...] = ()
    shows: tuple[str, ...] = ()
    ids: npt.NDArray[np.uint64] | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        for what, text, most in (
            ("name", self.name, MAX_NAME),
            ("folder", self.folder, MAX_FOLDER),
        ):
            if len(text or "") > most:
                raise InvalidQuery(f"{what} is too long; use at most {most:,} characters.")
        if self.after is not None and self.before is not None and self.after >= self.before:
            raise InvalidQuery("`after` must be earlier than `before`; no image can match both.")
        if len(self.label) > MAX_LABELS:
            raise InvalidQuery(
                f"The query holds {len(self.label):,} labels; at most {MAX_LABELS} are allowed."
            )
        if self.min_side is not None and self.min_side < 1:
            raise InvalidQuery(f"min_side must be at least 1 pixel, not {self.min_side}.")
        if self.orientation is not None and self.orientation not in ORIENTATIONS:
            raise InvalidQuery(
                f"orientation must be one of {', '.join(ORIENTATIONS)}, not "
                f"{self.orientation[:40]!r}."
            )

    @property
    def limits(self) -> bool:
        """Whether the filter has any condition."""
        return self != Filter()

    def may_admit(self, path: str, modified: float) -> bool:
        """Whether a file may fulfil the filter, judged by its ``path`` and the time it was
        ``modified`` (seconds since 1970) alone."""
        after, before = self.after or 0.0, math.inf if self.before is None else self.before
        return after <= modified < before and self._path_fits(path)

    def mask(self, records: Records) -> Mask | None:
        """(records,) bool: which records fulfil the filter; ``None`` if it has no condition."""
        if not self.limits:
            return None
        wanted = np.ones(len(records), dtype=np.bool_)
        if self.label or self.shows:
            assert self.ids is not None, "the images with the labels were not looked up"
            wanted &= np.isin(records.ids, self.ids)
        modified = records.mtimes / 1e9
        if self.after is not None:
            wanted &= modified >= self.after
        if self.before is not None:
            wanted &= modified < self.before
        if self.min_side is not None:
            wanted &= np.minimum(records.widths, records.heights) >= self.min_side
        if self.orientation is not None:
            wanted &= _oriented(records, self.orientation)
        if self.folder is not None or self.name is not None:
            rows = np.flatnonzero(wanted)
            wanted[rows] = [self._path_fits(records.paths[row]) for row in rows]
        return wanted

    def _path_fits(self, path: str) -> bool:
        folder, _, name = path.rpartition("/")
        if self.folder is not None:
            asked = folded(self.folder.strip("/"))
            if asked and not (folded(folder) + "/").startswith(asked + "/"):
                return False
        if self.name is None:
            return True
        asked, name = folded(self.name), folded(name)
        if "*" in asked or "?" in asked:
            # Brackets stand for themselves.
            return fnmatch.fnmatchcase(name, asked.replace("[", "[[]"))
        return asked in name


@dataclass(frozen=True)
class Query:
    """What is asked; everything that is given counts together.

    ``images``: pictures, the bytes of image files. ``like``: ids of indexed images. ``text``: words
    for what is wanted; ``not_text``: for what is not. ``color``: colours that replace those of the
    pictures. ``region``: the part of the one picture that asks; ``regions``: several parts of it,
    which count as several pictures do. ``ignore``: parts of it that are painted over with what
    surrounds them. Where there are no ``images``, the one picture is that of ``like``. ``kind``:
    whether the pictures are photos or sketches, or ``auto`` to recognise it. ``weights`` by
    extractor, or by group of extractors, replace the defaults, and what is not named in them has
    weight 0; ``preset`` names a mixture in their place (see ``PRESETS``). ``filter`` is what every
    hit must fulfil. ``k`` hits are wanted. ``original``: pictures of drawings are compared as they
    are, rather than cleaned of their paper first. ``metric``, unless it is ``auto``, compares raw
    features of the one extractor that takes part (see ``distances``). ``labels_alone``: only the
    labels of the filter were asked for, and ``like`` are typical images that have them. ``change``
    is what the words change about the pictures, once that was recognised (see ``changing``).
    ``part`` says how the parts that ask are looked for, one of ``PART_ORDERS``.
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
    metric: str = AUTO
    regions: tuple[Region, ...] = ()
    ignore: tuple[Region, ...] = ()
    labels_alone: bool = False
    change: Change | None = None
    part: str = WHOLE_IMAGE

    @property
    def parts(self) -> tuple[Region, ...]:
        """The parts of the one picture that ask; none where all of it does."""
        return self.regions if self.region is None else (self.region, *self.regions)

    @property
    def worded(self) -> bool:
        """Whether the query has words, for what is wanted or for what is not."""
        return bool(words(self.text) or words(self.not_text))

    def check(self) -> None:
        """Check that the query makes sense by itself.

        Raises:
            InvalidQuery: it is empty, contradictory or out of range.
        """
        if not (self.images or self.like or self.color or words(self.text)):
            wanting = (
                "what to find, besides what to avoid" if words(self.not_text) else "what to find"
            )
            raise InvalidQuery(
                f"The query is empty; give {wanting}: an image, words, a colour or several."
            )
        for given, most, what in (
            (self.images, MAX_PICTURES, "images"),
            (self.like, MAX_LIKE, "ids in like"),
            (self.color, MAX_COLOURS, "colours"),
            (self.weights or {}, MAX_WEIGHTS, "weights"),
            (self.parts, MAX_REGIONS, "regions"),
            (self.ignore, MAX_REGIONS, "regions to ignore"),
        ):
            if len(given) > most:
                raise InvalidQuery(
                    f"The query holds {len(given):,} {what}; at most {most} are allowed."
                )
        if self.k < 1:
            raise InvalidQuery(f"k must be at least 1, not {self.k}.")
        if max(len(words(self.text)), len(words(self.not_text))) > MAX_TEXT:
            raise InvalidQuery(f"The words are too long; use at most {MAX_TEXT} characters.")
        if self.kind not in (AUTO, *KINDS):
            raise InvalidQuery(f"kind must be auto, {' or '.join(KINDS)}, not {self.kind[:40]!r}.")
        self._check_part()
        if (self.parts or self.ignore) and len(self.images or self.like) != 1:
            raise InvalidQuery(
                f"{'region' if self.parts else 'ignore'} marks a part of one picture; send exactly "
                "one image, or one id in like."
            )
        if self.preset not in (AUTO, *PRESETS):
            raise InvalidQuery(
                f"preset must be one of {', '.join((AUTO, *PRESETS))}, not {self.preset[:40]!r}."
            )
        if self.metric not in (AUTO, *METRICS):
            raise InvalidQuery(
                f"metric must be one of {', '.join((AUTO, *METRICS))}, not {self.metric[:40]!r}."
            )
        if self.metric != AUTO and (self.color or self.worded):
            raise InvalidQuery("A metric compares pictures; leave out words and colours.")
        if self.weights is None:
            return
        if self.preset != AUTO:
            raise InvalidQuery("Both weights and a preset are given; leave one of them out.")
        if not all(math.isfinite(weight) and weight >= 0 for weight in self.weights.values()):
            raise InvalidQuery("Weights must be numbers of at least 0.")
        if not any(self.weights.values()):
            raise InvalidQuery("All weights are zero; give one above zero.")

    def _check_part(self) -> None:
        if self.part not in PART_ORDERS:
            raise InvalidQuery(
                f"part must be one of {', '.join(PART_ORDERS)}, not {self.part[:40]!r}."
            )
        if self.part == WHOLE_IMAGE:
            return
        if len(self.images) + len(self.like) != 1:
            raise InvalidQuery(
                "A part is looked for of one picture; send exactly one image, or one id in like."
            )
        by_other_means = self.preset != AUTO or self.metric != AUTO or self.weights is not None
        if self.color or self.worded or by_other_means:
            raise InvalidQuery(
                "A part inside other images is compared by what it shows alone; leave out words, "
                "colours, weights, preset and metric, or use filters."
            )


@dataclass(frozen=True)
class DesignView:
    """One of several files that show a design: the same of it as of a ``Hit``."""

    id: str
    path: str
    width: int
    height: int
    size: int
    modified: float
    note: str = ""


@dataclass(frozen=True)
class Hit:
    """A candidate joined with its file, as it is shown.

    ``score`` is fused, ``scores`` the cosine by extractor (about the collection's mean; 1 for the
    same photo; for drawings corrected for hubness, see ``fusion.Comparison``, less the penalty of a
    variant), ``contributions`` what each of them adds to ``score``; both may hold ``name`` and
    ``query_expansion`` too (which adds nothing to those that keep their places, see
    ``fusion.Expansion``); ``size`` in bytes, ``modified`` in seconds since 1970, ``width``
    and ``height`` in pixels; ``note`` is what else to know about what is shown, such as "page 2 of
    12"; ``variant`` is how a drawing was changed before it was most like this image, such as
    ``mirrored``, and empty for as it is drawn. ``labels`` are names of what the image shows, each
    with its probability (see ``extractors.base.Labeller`` and ``image_search.labels``); people have
    ``confirmed`` some of them.

    What matched may be a page or a frame of the file: then ``kind`` says so (else it is
    ``whole``), ``page`` is the number of the page, from 1, ``time`` that of the frame in seconds,
    and ``region_id`` is what ``like`` takes to search with it.

    ``closer_than`` is the share of all images that were compared that are less like the query, from
    0 to 1; ``None`` where these are too few to say, or where the image was not found by its
    likeness.

    Where a part was looked for inside of images, ``region`` is the box around it as ``Region`` has
    it as text, about as large as it is there; it is empty elsewhere.

    Where files are grouped by ``design``, the hit is the best of its ``views``, this one among
    them; both are empty where there is one alone.
    """

    rank: int
    id: str
    path: str
    score: float
    scores: dict[str, float]
    contributions: dict[str, float]
    width: int
    height: int
    size: int
    modified: float
    note: str = ""
    variant: str = ""
    kind: str = "whole"
    page: int = 0
    time: float = 0.0
    region_id: str = ""
    labels: dict[str, float] = field(default_factory=dict)
    closer_than: float | None = None
    design: str = ""
    views: tuple[DesignView, ...] = ()
    confirmed: tuple[str, ...] = ()
    region: str = ""

    @property
    def public_scores(self) -> dict[str, float]:
        """The ``scores`` for programs: query expansion also under its name of release 0.1."""
        if QUERY_EXPANSION not in self.scores:
            return self.scores
        return self.scores | {"neighbours": self.scores[QUERY_EXPANSION]}


def words(text: str | None) -> str:
    """``text`` without surrounding blanks; empty for ``None``."""
    return (text or "").strip()


def folded(text: str) -> str:
    """Return one form for all ways to write a name: either case, accents composed or not."""
    return unicodedata.normalize("NFC", text.casefold())


def _oriented(records: Records, orientation: str) -> Mask:
    widths = records.widths.astype(np.float64)
    heights = records.heights.astype(np.float64)
    square = np.abs(widths - heights) < _SQUARE * np.maximum(widths, heights)
    if orientation == "square":
        return square
    taller = heights > widths
    return ~square & (taller if orientation == "portrait" else ~taller)


def group_of(name: str) -> str:
    """The group that an extractor belongs to. One that was plugged in is assumed to be a trained
    network."""
    return _GROUPS.get(name, MEANING)


def classifies(name: str) -> bool:
    """Whether the extractor ``name`` is a classifier."""
    return name in REGISTRY and REGISTRY[name].classifies


def by_extractor(weights: Mapping[str, float], usable: Sequence[str]) -> dict[str, float]:
    """``weights`` of extractors and of groups as weights of extractors alone.

    The weight of a group is divided equally among its members in ``usable``, and lost if it has
    none.
    """
    found = {name: number for name, number in weights.items() if name not in GROUPS}
    for group in GROUPS:
        members = [name for name in usable if group_of(name) == group]
        for name in members:
            found[name] = found.get(name, 0.0) + weights.get(group, 0.0) / len(members)
    return found


def check_preset(query: Query) -> None:
    """Check that something is there for what the preset of ``query`` is about, whose weights are
    those of the preset by extractor.

    Raises:
        InvalidQuery: there is nothing.
    """
    preset = PRESETS.get(query.preset, {})
    if preset and not any(weight > 0 for weight in (query.weights or {}).values()):
        groups = " or ".join(group for group, weight in preset.items() if weight > 0)
        raise InvalidQuery(
            f"Nothing in use here compares {groups}, which the preset {query.preset} is about. "
            "Name an extractor for it in IMAGE_SEARCH_EXTRACTORS and reindex."
        )


def unused_weights(weights: Mapping[str, float], usable: Sequence[str]) -> tuple[str, ...]:
    """The groups that have at least half of all ``weights``, but no member among the ``usable``
    extractors."""
    present = set(groups_of(usable).values())
    most = sum(weights.values()) / 2
    return tuple(
        group for group in GROUPS if weights.get(group, 0) >= most > 0 and group not in present
    )


def groups_of(names: Iterable[str] = tuple(REGISTRY)) -> dict[str, str]:
    """The group of each extractor in ``names``, by default of all extractors."""
    return {name: group_of(name) for name in names}
