"""Samples as a file stores them become the RGB that a viewer would show."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from image_search.imaging.formats.colour import from_adobe_rgb, from_gamma, stated_gamma, to_srgb

# Differences in lightness that the eye, and every extractor, tells from the ground (of 255).
_SEEN: Final = 24
# Artwork is laid on white unless less than this share of it would be seen there. A white shoe on
# white still has its shadows; white lettering has nothing.
_ENOUGH: Final = 0.25
# White lettering beside a dark emblem is lost on white, however large the emblem is. A part of the
# artwork that stands alone is lost where less than the first share of it is seen; a ground that
# loses more than the second share of all is left for another one.
_LOST: Final = 0.05
_MAX_LOST: Final = 0.1

WHITE: Final = (255, 255, 255)
BLACK: Final = (0, 0, 0)
GREY: Final = (128, 128, 128)

# The entry of an Exif block by which cameras say that samples are in Adobe RGB: interoperability
# index R03 (DCF 2.0, section 3.2), in either byte order.
_ADOBE_RGB: Final = (
    b"\x01\x00\x02\x00\x04\x00\x00\x00R03\0",
    b"\x00\x01\x00\x02\x00\x00\x00\x04R03\0",
)

_TAG_BITS, _TAG_PHOTOMETRIC = 258, 262


class Rendering:
    """How the samples of one picture are shown: their colour space, range and ground.

    Decided once from a picture, or a reduced version of it; then applied to any part of it.
    ``ground`` is what transparent parts show; ``None`` where nothing is transparent.
    """

    def __init__(self, image: Image.Image, reduced: Image.Image) -> None:
        """Decide from ``image``, loaded; from ``reduced``, a small version, where that does."""
        info = image.info
        self._profile = info.get("icc_profile")
        self._adobe = self._profile is None and says_adobe_rgb(info.get("exif"))
        self._exponent = stated_gamma(image)
        self.ground: tuple[int, int, int] | None = None
        self._range: tuple[float, float] | None = None
        self._inverted = False
        if _is_deep(image.mode):
            self._range = _range_of(image, reduced)
            tags = getattr(image, "tag_v2", None)
            self._inverted = tags is not None and tags.get(_TAG_PHOTOMETRIC) == 0
        elif has_alpha(image):
            self.ground = _ground_for(_with_alpha(reduced))

    def rgb(self, part: Image.Image) -> Image.Image:
        """``part`` of the picture in mode RGB."""
        if self._range is not None:
            return self._coloured(self._scaled(part))
        if has_alpha(part):
            return self._flattened(_with_alpha(part))
        if part.mode not in ("L", "RGB", "CMYK", "LAB"):
            part = part.convert("RGB")
        return self._coloured(part)

    def _flattened(self, part: Image.Image) -> Image.Image:
        alpha = part.getchannel("A")
        shown = self._coloured(part.convert("L" if part.mode == "LA" else "RGB"))
        if self.ground is None:
            return shown
        ground = Image.new("RGB", part.size, self.ground)
        ground.paste(shown, mask=alpha)
        return ground

    def _coloured(self, image: Image.Image) -> Image.Image:
        if self._adobe and image.mode == "RGB":
            return from_adobe_rgb(image)
        if self._exponent is not None and image.mode in ("L", "RGB"):
            return from_gamma(image, self._exponent)
        return to_srgb(image, self._profile)

    def _scaled(self, part: Image.Image) -> Image.Image:
        assert self._range is not None
        low, high = self._range
        samples = np.nan_to_num(np.asarray(part, np.float32), nan=0.0, posinf=high, neginf=low)
        scaled = (samples - low) * np.float32(255.0 / max(high - low, 1e-9))
        grey = scaled.clip(0, 255).astype(np.uint8)
        return Image.fromarray(255 - grey if self._inverted else grey)


def says_adobe_rgb(exif: object) -> bool:
    """Whether an Exif block says that samples are in Adobe RGB."""
    return isinstance(exif, bytes) and any(entry in exif for entry in _ADOBE_RGB)


def _is_deep(mode: str) -> bool:
    return mode.startswith("I") or mode == "F"


def _range_of(image: Image.Image, reduced: Image.Image) -> tuple[float, float]:
    """The values that are shown as black and as white.

    Whole numbers use the range that their number of bits gives them; anything else is stretched to
    what it holds.
    """
    samples = np.asarray(reduced)
    if image.mode == "F":
        samples = samples[np.isfinite(samples)]
        return float(samples.min(initial=0)), float(samples.max(initial=0))
    least, most = int(samples.min(initial=0)), int(samples.max(initial=0))
    if least < 0 or most > 65535:
        return min(0.0, float(least)), max(0.0, float(most))
    bits = (getattr(image, "tag_v2", None) or {}).get(_TAG_BITS)
    if isinstance(bits, tuple) and bits and 8 < bits[0] <= 16:
        return 0.0, float((1 << bits[0]) - 1)
    return 0.0, 65535.0 if most > 255 else 255.0


def has_alpha(image: Image.Image) -> bool:
    """Whether some of a picture may be transparent."""
    return image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info


def _with_alpha(image: Image.Image) -> Image.Image:
    """In mode LA or RGBA."""
    if image.mode in ("LA", "RGBA"):
        return image
    return image.convert("LA" if image.mode == "La" else "RGBA")


def _ground_for(image: Image.Image) -> tuple[int, int, int] | None:
    """What artwork in mode LA or RGBA is laid on; ``None`` where its alpha says nothing.

    An alpha channel that hides everything is no alpha: a mask that somebody left empty.
    """
    alpha = np.asarray(image.getchannel("A"))
    if not alpha.any():
        return None
    lightness = np.asarray(image.convert("LA").getchannel("L")).astype(np.int16)
    visible = alpha.astype(np.float32)
    seen = np.abs(lightness - WHITE[0]) >= _SEEN
    share = float(visible[seen].sum()) / float(visible.sum())
    if share >= 1 - _MAX_LOST:
        return WHITE
    if share < _ENOUGH:
        return BLACK
    lost = [_lost_parts(lightness, visible, ground[0]) for ground in (WHITE, BLACK, GREY)]
    if lost[0] <= _MAX_LOST:
        return WHITE
    return (WHITE, BLACK, GREY)[int(np.argmin(lost))]


def _lost_parts(
    lightness: npt.NDArray[np.int16], visible: npt.NDArray[np.float32], ground: int
) -> float:
    """The share of the artwork in parts that stand alone and cannot be seen on this ground."""
    count, parts = cv2.connectedComponents((visible > 0).astype(np.uint8), connectivity=8)
    whole = np.bincount(parts.ravel(), visible.ravel(), count)
    seen = np.abs(lightness - ground) >= _SEEN
    shown = np.bincount(parts[seen], visible[seen], count)
    return float(whole[shown < _LOST * whole].sum() / whole.sum())
