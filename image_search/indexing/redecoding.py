"""Which files this version shows in another way than the one before, seen from their heads."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from image_search.imaging.decoding import WORKING_SIDE
from image_search.imaging.formats import photoshop, tiff_tags
from image_search.imaging.formats.opening import ANIMATED, FORMATS
from image_search.imaging.formats.source import (
    WHITE,
    Rendering,
    changes,
    has_alpha,
    says_adobe_rgb,
    stated_gamma,
)

# Tags of TIFF files that hold more pictures: directories below, and that of DNG.
_PARTS = (tiff_tags.SUB_DIRECTORIES, tiff_tags.DNG_VERSION)


def shown_differently(path: Path) -> bool:
    """Whether version 2 of the readers may show a picture in another way than version 1.

    Pixels are looked at only where there is an alpha channel; where that is unclear, the answer
    is yes.
    """
    try:
        with path.open("rb") as file:
            if file.read(4) == photoshop.MAGIC:
                return True
        with Image.open(path, formats=FORMATS) as image:
            return _differs(image)
    except Exception:  # whatever is wrong with it shows when it is decoded
        return True


def _differs(image: Image.Image) -> bool:
    tags = getattr(image, "tag_v2", None)
    if image.format in {*ANIMATED, "TIFF"} and getattr(image, "is_animated", False):
        return True
    if image.mode in ("LAB", "La") or says_adobe_rgb(image.info.get("exif")):
        return True
    if stated_gamma(image) is not None:
        return True
    if tags is not None:
        deep = image.mode[0] in "IF" and (
            tags.get(tiff_tags.PHOTOMETRIC) == 0 or tags.get(tiff_tags.BITS) != (16,)
        )
        if deep or any(tag in tags for tag in _PARTS):
            return True
    profile = image.info.get("icc_profile")
    if profile and changes(profile, _colours(image)):
        return True
    if not has_alpha(image):
        return False
    image.load()
    factor = max(1, min(image.size) // WORKING_SIDE)
    plain = image.mode in ("RGBA", "LA")
    reduced = image.reduce(factor) if plain else image
    return Rendering(image, reduced).ground != WHITE


def _colours(image: Image.Image) -> str:
    """The mode in which a profile would describe the samples."""
    if image.mode in ("1", "L", "LA", "I;16", "I", "F"):
        return "L"
    return "CMYK" if image.mode == "CMYK" else "RGB"
