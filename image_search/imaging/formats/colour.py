"""Embedded colour profiles: samples of any colour space become sRGB, which extractors expect."""

from __future__ import annotations

import functools
import hashlib
import io
import threading
from collections import OrderedDict
from typing import Final

import numpy as np
from PIL import Image, ImageCms

# A profile that moves no sample by more than this is sRGB for our purposes: 8-bit rounding alone
# moves samples by 1, and the sRGB profiles of several makers differ by up to 3.
_SAME_WITHIN: Final = 3
# Transforms kept for each thread; a studio's archive holds a handful of profiles.
_KEPT: Final = 16
# A profile larger than this is ignored (bytes); those of presses have up to 3 MB.
MAX_PROFILE_BYTES: Final = 8_000_000
# Colour space as an ICC header names it, to the mode of the samples that it describes.
_MODE_OF: Final = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}
_INTENT: Final = ImageCms.Intent.RELATIVE_COLORIMETRIC
_FLAGS: Final = ImageCms.Flags.BLACKPOINTCOMPENSATION

_Transform = ImageCms.ImageCmsTransform | None


class _Transforms(threading.local):
    """By profile and mode; of each thread its own, since a transform keeps its last pixel."""

    def __init__(self) -> None:
        self.known: OrderedDict[tuple[bytes, str], _Transform] = OrderedDict()


_transforms = _Transforms()


def to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """``image`` (mode L, RGB, CMYK or LAB) as RGB in sRGB.

    A ``profile`` that is damaged, or describes another colour space than the image has, is ignored,
    as every viewer does: metadata never costs the picture.
    """
    if image.mode == "LAB":
        return _applied(_lab_transform(), image)
    transform = _transform(profile, image.mode) if profile else None
    if transform is not None:
        return _applied(transform, image)
    # Converting copies, even where nothing has to be done.
    return image if image.mode == "RGB" else image.convert("RGB")


def changes(profile: bytes, mode: str) -> bool:
    """Whether samples of this mode are moved by their profile."""
    return _transform(profile, mode) is not None


def _applied(transform: ImageCms.ImageCmsTransform, image: Image.Image) -> Image.Image:
    converted = ImageCms.applyTransform(image, transform)
    assert converted is not None  # only None where the work is done in place
    return converted


def _transform(profile: bytes, mode: str) -> _Transform:
    """``None`` where nothing has to be done, or nothing can be."""
    if len(profile) > MAX_PROFILE_BYTES:
        return None
    key = hashlib.sha256(profile).digest(), mode
    known = _transforms.known
    if key in known:
        known.move_to_end(key)
        return known[key]
    transform = known[key] = _built(profile, mode)
    while len(known) > _KEPT:
        known.popitem(last=False)
    return transform


def _built(profile: bytes, mode: str) -> _Transform:
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if _MODE_OF.get(source.profile.xcolor_space.strip()) != mode:
            return None
        transform = ImageCms.buildTransform(source, _srgb(), mode, "RGB", _INTENT, _FLAGS)
        probe = _probe(mode)
        moved = np.asarray(_applied(transform, probe), np.int16)
    except Exception:  # damaged profiles raise PyCMSError, OSError, ValueError and more
        return None
    plain = np.asarray(probe.convert("RGB"), np.int16)
    # CMYK is never sRGB; for it there is no plain conversion that is right.
    if mode != "CMYK" and int(np.abs(moved - plain).max()) <= _SAME_WITHIN:
        return None
    return transform


def _probe(mode: str) -> Image.Image:
    """Colours from all over the colour space."""
    if mode == "L":
        return Image.fromarray(np.arange(256, dtype=np.uint8)[None])
    channels = len(Image.new(mode, (1, 1)).getbands())
    steps = np.linspace(0, 255, 9 if channels == 3 else 5).astype(np.uint8)
    grid = np.stack(np.meshgrid(*[steps] * channels), axis=-1).reshape(-1, channels)
    return Image.frombytes(mode, (len(grid), 1), np.ascontiguousarray(grid).tobytes())


def _srgb() -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


def _lab_transform() -> ImageCms.ImageCmsTransform:
    known = _transforms.known
    key = b"LAB", "LAB"
    if (transform := known.get(key)) is None:
        lab = ImageCms.createProfile("LAB")
        transform = ImageCms.buildTransform(lab, _srgb(), "LAB", "RGB", _INTENT, _FLAGS)
        known[key] = transform
    return transform


# A curve whose exponent differs by less from that of most screens is theirs.
_SAME_EXPONENT: Final = 0.05


def stated_gamma(image: Image.Image) -> float | None:
    """The exponent of the light that the samples of a PNG file stand for, where nothing but its
    ``gAMA`` chunk describes them, and it is not that of sRGB (PNG, third edition, section 11.3.2.2:
    ``iCCP`` and ``sRGB`` outweigh ``gAMA``)."""
    info = image.info
    gamma = info.get("gamma")
    if image.format != "PNG" or "srgb" in info or "icc_profile" in info:
        return None
    if (
        not isinstance(gamma, float)
        or not 0.1 <= gamma <= 10
        or abs(gamma * 2.2 - 1) < _SAME_EXPONENT
    ):
        return None
    return 1 / gamma


def from_gamma(image: Image.Image, exponent: float) -> Image.Image:
    """``image`` (mode L or RGB), whose samples to this power are light, as RGB in sRGB."""
    curve = (_srgb_samples(np.linspace(0, 1, 256) ** exponent) * 255 + 0.5).astype(np.uint8)
    shown = Image.fromarray(curve[np.asarray(image)])
    return shown if shown.mode == "RGB" else shown.convert("RGB")


def _srgb_samples(light: np.ndarray) -> np.ndarray:
    """Samples within [0, 1] for linear light within [0, 1] (IEC 61966-2-1)."""
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


# CIE primaries of Adobe RGB (1998) to those of sRGB, both with the white point D65, for linear
# light (Adobe RGB (1998) Color Image Encoding, version 2005-05, section 4.3; IEC 61966-2-1).
_ADOBE_TO_SRGB: Final = np.array([
    [1.39836, -0.39836, 0.0],
    [0.0, 1.0, 0.0],
    [0.0, -0.04293, 1.04293],
])  # fmt: skip
_ADOBE_GAMMA: Final = 563 / 256


@functools.cache
def _adobe_light() -> np.ndarray:
    return np.linspace(0, 1, 256) ** _ADOBE_GAMMA


def from_adobe_rgb(image: Image.Image) -> Image.Image:
    """``image`` (mode RGB) of samples in Adobe RGB (1998), as sRGB: for cameras that only say so in
    their Exif block."""
    rows = np.asarray(image)
    out = np.empty_like(rows)
    for start in range(0, len(rows), 256):
        light = (_adobe_light()[rows[start : start + 256]] @ _ADOBE_TO_SRGB.T).clip(0, 1)
        out[start : start + 256] = (_srgb_samples(light) * 255 + 0.5).astype(np.uint8)
    return Image.fromarray(out)
