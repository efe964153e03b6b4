"""What a check did not look at, in words: beyond the marked part, and beyond the filters."""

from __future__ import annotations

from image_search.duplicates.fingerprints import Fingerprint
from image_search.imaging.arrays import Pixels
from image_search.search.queries import Query

# With fewer points than this, no geometry can be distinguished from chance.
_POINTS = 8
# Sides of a marked part below which it shows too little, in pixels.
_SIDE = 40


def limit_of(query: Query, compared: int) -> str:
    """What limits the verdict, as the end of a sentence; empty if nothing does."""
    if query.filter.limits and not compared:
        return "no image passes the filters, so nothing was compared"
    limits = []
    if query.region is not None:
        limits.append("only the marked part was looked for")
    if query.filter.limits:
        limits.append(
            "only the one image that passes the filters was compared"
            if compared == 1
            else f"only the {compared:,} images that pass the filters were compared"
        )
    return ", and ".join(limits)


def unknown_of(query: Query, shown: Fingerprint, pixels: Pixels, pictures: int) -> list[str]:
    """Return what a check of this query cannot know, as sentences.

    Args:
        query: the query.
        shown: the fingerprint of the compared picture.
        pixels: its pixels (height, width, 3), RGB.
        pictures: how many pictures were found on it, if it is a page.
    """
    found = []
    height, width = pixels.shape[:2]
    if query.region is not None and min(height, width) < _SIDE:
        found.append(
            f"The marked part is only {width} x {height} pixels, too little to "
            "recognise an edited copy; mark a larger part, or send a larger picture."
        )
    elif len(shown.points) < _POINTS:
        found.append(
            "The picture shows too little detail to recognise an edited copy; only the same file "
            "and similar images could be found."
        )
    if pictures:
        found.append(
            f"This looks like a page with pictures on it; {pictures:,} of its parts were also "
            "compared by themselves. The error rates are those of whole pictures."
        )
    return found
