"""A drawing mirrored and turned: what else is compared, and how far behind as it is drawn.

Designs are found under any of eight views: as drawn, turned by quarters, and each of them mirrored.
The best per image counts. Each further view gives every image another chance to come near by
accident, so a view that is unlikely must be better by a margin than a likely one: turned ones by
how surely the drawing stands upright already, mirrored ones by a constant.

``benchmarks/drawings.py`` measures the constants; figures are in docs/quality.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from image_search.extractors.descriptors import turned_over
from image_search.extractors.uprightness import QUARTERS, uprightness_of
from image_search.imaging.arrays import Floats, Pixels

#: The extractors that see a difference between views and compare drawings. Others keep what they
#: saw of the drawing as it is.
TURNED = ("design", "edges")
#: A mirrored view counts by so much less (of a cosine). With more, mirrored drawings lose places,
#: with less those that are not, for nothing else tells them apart.
MIRRORED_BEHIND = 0.02
# A view counts by so much less for each unit (of a logarithm) that it is less likely upright.
_BEHIND = 0.05
# As it is drawn is likelier by so much (a logarithm) than what is seen of it says.
_PRIOR = 1.5
# Views that would have to be better by more are not looked at, which saves most of the time.
_FURTHEST = 0.1

# Images of a collection leave more room around what they show, or less; where the margin of a
# drawing is not its own, it is also compared with so much more on each side, of its sides.
_WIDER = 0.25

Embed = Callable[[Sequence[Pixels], Sequence[str]], Mapping[str, Floats]]
"""Pictures and names of extractors to embeddings (pictures, dim) by extractor."""


@dataclass(frozen=True)
class View:
    """A picture turned clockwise by ``quarters``, and then perhaps ``mirrored``; or with a
    ``wider`` margin of white."""

    quarters: int = 0
    mirrored: bool = False
    wider: bool = False

    @property
    def name(self) -> str:
        """As it is shown beside a hit; empty for a picture as it is."""
        turned = f"turned {90 * self.quarters}°" if self.quarters else ""
        return " and ".join(part for part in (turned, "mirrored" * self.mirrored) if part)

    def of(self, pixels: Pixels) -> Pixels:
        """The picture seen like this."""
        turned = np.rot90(pixels, -self.quarters)
        flipped = turned[:, ::-1] if self.mirrored else turned
        if self.wider:
            height, width = (round(_WIDER * side) for side in flipped.shape[:2])
            sides = ((height, height), (width, width), (0, 0))
            flipped = np.pad(flipped, sides, constant_values=255)
        return np.ascontiguousarray(flipped)

    def before(self, upright: Floats) -> Floats:
        """What is known of a picture (4,), by quarter turns, from the same of this view of it."""
        turns = np.arange(QUARTERS)
        if self.mirrored:
            return upright[(self.quarters - turns) % QUARTERS]
        return upright[(turns - self.quarters) % QUARTERS]


@dataclass(frozen=True, eq=False)
class Variant:
    """A view by ``name``, its unit ``blocks`` (dim,) where they differ from those as drawn, and how
    far ``behind`` (of a cosine) it counts."""

    name: str
    blocks: Mapping[str, Floats]
    behind: float


def variants_of(
    pixels: Pixels,
    seen: Mapping[str, Floats],
    models: Mapping[str, str],
    embed: Embed,
    *,
    cut_out: bool = False,
) -> tuple[Variant, ...]:
    """The views of a drawing that are worth comparing, the first as it is drawn.

    ``pixels`` (height, width, 3) are the drawing's, ``seen`` its unit embeddings (dim,) by
    extractor, ``models`` what made them, and ``embed`` looks at other views; ``cut_out`` whether
    the margin of the drawing is not its own. Empty where nothing that takes part sees a difference
    between them.
    """
    names = [name for name in TURNED if name in seen]
    if not names:
        return ()
    upright = _upright(seen, models)
    first = _behind(upright)
    near = [turn for turn in range(1, QUARTERS) if first[turn] < _FURTHEST]
    # Turned and mirrored at once is rare, so where something tells, only the likeliest turn is.
    likeliest = min(range(QUARTERS), key=first.__getitem__)
    flipped = [turn for turn in near if upright is None or turn == likeliest]
    views = [View(wider=True)] if cut_out else []
    views += [View(0, True), *map(View, near), *(View(turn, True) for turn in flipped)]
    blocks = _blocks_of(views, pixels, seen, names, embed)
    if upright is not None:
        # Each view is another look at the same drawing.
        looks = [upright]
        for view, one in zip(views, blocks, strict=True):
            if (look := _upright(one, models)) is not None:
                looks.append(view.before(look))
        upright = np.mean(looks, axis=0)
    behind = _behind(upright)
    return (
        Variant("", {}, behind[0]),
        *(
            Variant(view.name, one, behind[view.quarters] + MIRRORED_BEHIND * view.mirrored)
            for view, one in zip(views, blocks, strict=True)
        ),
    )


def _blocks_of(
    views: Sequence[View],
    pixels: Pixels,
    seen: Mapping[str, Floats],
    names: Sequence[str],
    embed: Embed,
) -> list[dict[str, Floats]]:
    """The unit embeddings (dim,) of each view, by extractor; ``edges`` of most views follow from
    those of the drawing as it is."""
    blocks: list[dict[str, Floats]] = [{} for _ in views]
    for name in names:
        if name == "edges":
            quarter = np.zeros(0, np.float32)
            if any(view.quarters % 2 for view in views):
                quarter = embed([View(1).of(pixels)], [name])[name][0]
            rows = [
                embed([view.of(pixels)], [name])[name][0]
                if view.wider
                else turned_over(
                    quarter if view.quarters % 2 else seen[name],
                    half_turn=view.quarters > 1,
                    mirrored=view.mirrored,
                )
                for view in views
            ]
        else:
            rows = list(embed([view.of(pixels) for view in views], [name])[name])
        for block, row in zip(blocks, rows, strict=True):
            block[name] = row
    return blocks


def lost(variants: Sequence[Variant], shares: Mapping[str, float]) -> Floats:
    """What the score of each variant (variants,) loses by being behind, where extractors have these
    ``shares`` in it: those that see no difference lose nothing."""
    turned = sum(shares.get(name, 0.0) for name in TURNED)
    return np.array([variant.behind * turned for variant in variants], np.float32)


def _upright(seen: Mapping[str, Floats], models: Mapping[str, str]) -> Floats | None:
    for name, block in seen.items():
        known = uprightness_of(models[name])
        if known is not None:
            return known.of(block)
    return None


def _behind(upright: Floats | None) -> list[float]:
    """How far behind each quarter turn is."""
    likely = np.zeros(QUARTERS) if upright is None else np.array(upright, np.float64)
    likely[0] += _PRIOR
    found: list[float] = (_BEHIND * (likely.max() - likely)).tolist()
    return found
