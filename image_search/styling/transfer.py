"""Style transfer as it is asked for: by which method, at which size, how strong."""

from __future__ import annotations

from collections.abc import Callable

from image_search.errors import InvalidQuery
from image_search.extractors.weights.sources import VGG19_IMAGENET1K_V1
from image_search.imaging.arrays import Pixels
from image_search.imaging.decoding import within
from image_search.styling.gatys import optimised
from image_search.styling.patches import Cancelled, Preview, Progress, patched

AUTO, PATCHES, VGG19 = "auto", "patches", "vgg19"
METHODS = (AUTO, PATCHES, VGG19)
SIDES = (64, 1200)
"""The least and the longest side of what is made, in pixels: the time grows with its square."""
STRENGTH = 0.5


def stylized(
    content: Pixels,
    style: Pixels,
    *,
    method: str = AUTO,
    strength: float = STRENGTH,
    side: int = 512,
    on_progress: Progress = lambda *_: None,
    cancelled: Callable[[], bool] = lambda: False,
    on_preview: Preview = lambda _: None,
) -> tuple[Pixels, str] | None:
    """``content`` (h, w, 3) in the style of ``style`` (h', w', 3), at most ``side`` pixels on its
    longest side, and the method; ``None`` if it was cancelled.

    Args:
        content: what to show.
        style: how to show it.
        method: one of ``METHODS``; ``auto`` is VGG19 where its weights are.
        strength: from 0, close to the picture, to 1, close to the style.
        side: of the result; of the style no more is looked at, either.
        on_progress: is given how many steps of how many are done.
        cancelled: is asked between the steps.
        on_preview: is given the picture as it is by then, now and then.

    Raises:
        InvalidQuery: an argument is out of range.
        ModelUnavailable: the method needs weights that are not on this machine, or damaged.
    """
    method = checked(method, strength, side)
    make = optimised if method == VGG19 else patched
    pictures = within(content, side), within(style, side)
    try:
        return make(*pictures, strength, on_progress, cancelled, on_preview), method
    except Cancelled:
        return None


def checked(method: str, strength: float, side: int) -> str:
    """The method that is used where ``method`` is asked for.

    Raises:
        InvalidQuery: an argument is out of range, see ``stylized``.
    """
    if method not in METHODS:
        raise InvalidQuery(f"method must be one of {', '.join(METHODS)}, not {method[:40]!r}.")
    if not 0 <= strength <= 1:
        raise InvalidQuery(f"strength must be from 0 to 1, not {strength:g}.")
    if not SIDES[0] <= side <= SIDES[1]:
        raise InvalidQuery(f"side must be from {SIDES[0]} to {SIDES[1]} pixels, not {side}.")
    if method != AUTO:
        return method
    return PATCHES if VGG19_IMAGENET1K_V1.missing_reason() else VGG19
