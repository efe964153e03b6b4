"""The evidence that two pictures are the same picture, one of them edited."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from image_search.duplicates.fingerprints.geometry import Matrix

Outline = tuple[tuple[float, float], ...]
Rows = tuple[tuple[float, float, float], ...]
Box = tuple[float, float, float, float]


def outline_of(polygon: Matrix) -> Outline:
    """Corners (n, 2) in fractions of width and height, those outside of the picture at its rim."""
    return tuple((float(x), float(y)) for x, y in np.clip(polygon, 0, 1))


@dataclass(frozen=True)
class Match:
    """Where and how one picture lies in another.

    ``score`` is higher the surer it is that both are the same picture. ``mirrored`` is left to
    right; ``rotation`` by how many degrees clockwise the query is turned after that, 0 to 360;
    ``scale`` how much larger the shared part is in the query, both pictures' longest sides taken as
    equal. ``of_query`` and ``of_other`` are the shares of each picture's area that the matching
    region covers, 0 to 1; the outlines are that region in fractions of width and height.
    ``homography`` is the 3 x 3 matrix that takes a point of the other picture to the query, both in
    such fractions. ``inverted``: the query is a negative.
    """

    score: float
    inliers: int
    mirrored: bool
    rotation: float
    scale: float
    of_query: float
    of_other: float
    outline_query: Outline
    outline_other: Outline
    homography: Rows
    inverted: bool = False

    @property
    def is_unaltered(self) -> bool:
        """Whether both pictures may have the very same pixels."""
        turned = min(self.rotation % 360, -self.rotation % 360)
        whole = min(self.of_query, self.of_other) > 0.8
        return not self.mirrored and turned < 1 and abs(self.scale - 1) < 0.02 and whole

    def words(self) -> str:
        """What was done to the other picture to get the query, for a person to read."""
        parts = ["same picture"]
        if self.inverted:
            parts.append("inverted")
        if self.mirrored:
            parts.append("mirrored")
        turned = round(self.rotation) % 360
        if 1 < turned <= 180:
            parts.append(f"turned by {turned}°")
        elif 180 < turned < 359:
            parts.append(f"turned by {360 - turned}° to the left")
        if self.of_other < 0.9:
            parts.append(f"cropped to {self.of_other:.0%}".replace("%", " %"))
        if self.of_query < 0.9:
            parts.append(f"as {self.of_query:.0%} of the picture".replace("%", " %"))
        return ", ".join(parts)

    def within(self, box: Box, size: tuple[int, int]) -> Match:
        """The same, where the query was only this ``box`` (left, top, width and height in fractions
        of the sides) of a picture of this ``size`` (width and height)."""
        left, top, width, height = box
        lift = np.array([[width, 0, left], [0, height, top], [0, 0, 1]])
        longest = max(width * size[0], height * size[1]) / max(size)
        outline = np.array(self.outline_query).reshape(-1, 2) * [width, height] + [left, top]
        return replace(
            self,
            scale=self.scale * longest,
            of_query=self.of_query * width * height,
            outline_query=outline_of(outline),
            homography=rows_of(lift @ np.array(self.homography)),
        )


def rows_of(homography: Matrix) -> Rows:
    """A (3, 3) matrix as plain numbers."""
    return tuple((float(a), float(b), float(c)) for a, b, c in homography)
