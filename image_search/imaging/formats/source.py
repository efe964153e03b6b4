"""What opening a file gives: its picture's size, what decoding it would cost, how it is loaded, and
how its samples become the RGB that a viewer would show."""

from __future__ import annotations

import functools
import hashlib
import io
import re
import struct
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms

from image_search.errors import ImageTooLarge, UnreadableImage


@dataclass(frozen=True)
class Part:
    """A page or a frame of a file: its ``number``, from 0, of ``count``, and the ``time`` in
    seconds at which a frame begins."""

    kind: str
    number: int
    count: int
    time: float = 0.0


# Loads a picture; where a shortest side in pixels is given, it may come reduced down to that.
Load = Callable[[int | None], Image.Image]


@dataclass(frozen=True)
class Source:
    """A picture that can be loaded.

    ``size`` is (width, height) in pixels, as stored; ``orientation`` is that of the container where
    it has one (EXIF values), else in the image's own metadata. ``note`` describes what a
    person should know about what is shown, such as "page 2 of 12". ``partial`` marks a preview: it
    proves nothing about the pixels of the whole. ``pages`` gives every page or frame of the file,
    loaded, where there are several; ``load`` loads the one that counts, which is ``part``; and
    ``parts`` loads those with these numbers, which ascend. Where not every frame is worth finding,
    as in a video, ``numbers`` are those that are.
    """

    size: tuple[int, int]
    load: Load
    note: str = ""
    orientation: int | None = None
    partial: bool = False
    pages: Callable[[], Iterator[Image.Image]] | None = None
    part: Part | None = None
    parts: Callable[[Sequence[int]], Iterator[tuple[Part, Image.Image]]] | None = None
    numbers: tuple[int, ...] = ()


@dataclass(frozen=True)
class Limit:
    """How many million pixels a picture may have."""

    megapixels: float

    def check(self, width: int, height: int) -> None:
        """See that a picture of this size may be decoded.

        Raises:
            ImageTooLarge: it may not.
        """
        if width * height > self.megapixels * 1e6:
            raise ImageTooLarge(
                f"The picture has {width} x {height} pixels ({width * height / 1e6:,.0f} "
                f"megapixels); the limit is {self.megapixels:g} megapixels."
            )


# Pixels times scans of a progressive JPEG: each scan goes over all pixels once. Encoders write a
# dozen scans; this is 0.5 to 1.5 s of work.
MAX_SCANNED: Final = 3_000_000_000
# Bytes that a JPEG of several scans keeps until the last one.
_MAX_KEPT: Final = 800_000_000
# Where a scan begins, or the picture ends.
_MARKERS: Final = re.compile(rb"\xff[\xda\xd9]")
_PNG: Final = b"\x89PNG\r\n\x1a\n"


def check_inner_pictures(data: bytes, limit: Limit) -> None:
    """See that the pictures within an ICO or ICNS file are not larger than it says.

    Raises:
        ImageTooLarge: one of them has more pixels than the limit.
    """
    if not data.startswith((b"\0\0\1\0", b"icns")):
        return
    place = data.find(_PNG)
    for _ in range(64):
        if place < 0:
            break
        if data[place + 12 : place + 16] == b"IHDR" and place + 24 <= len(data):
            limit.check(*struct.unpack_from(">II", data, place + 16))
        place = data.find(_PNG, place + 8)
    place = data.find(b"jP  \r\n\x87\n")
    for _ in range(64):
        header = data.find(b"ihdr", place, place + 256) if place >= 0 else -1
        if header < 0 or header + 12 > len(data):
            break
        height, width = struct.unpack_from(">II", data, header + 4)
        limit.check(width, height)
        place = data.find(b"jP  \r\n\x87\n", header)


def check_scans(data: bytes) -> None:
    """See that a JPEG does not go over its pixels thousands of times, and that what it keeps
    between its scans is not too much.

    Raises:
        UnreadableImage: it goes over them too often.
        ImageTooLarge: it keeps too much.
    """
    if not data.startswith(b"\xff\xd8\xff"):
        return
    place, frame = 2, 0
    while place + 9 <= len(data) and data[place] == 0xFF:
        marker, length = data[place + 1], int.from_bytes(data[place + 2 : place + 4], "big")
        if marker == 0xFF:
            place += 1
            continue
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            frame = place
        if marker == 0xDA and frame:
            # All colours in one scan of a kind that has no more: nothing is kept.
            if data[frame + 1] & 3 == 2 or data[place + 4] < data[frame + 9]:
                _check_frame(data, frame)
            return
        if marker == 0xDA or length < 2:
            return
        place += 2 + length


def _check_frame(data: bytes, frame: int) -> None:
    height, width = struct.unpack_from(">HH", data, frame + 5)
    sampling = data[frame + 11 : frame + 10 + 3 * data[frame + 9] : 3]
    across = max((factors >> 4 for factors in sampling), default=1) or 1
    down = max((factors & 15 for factors in sampling), default=1) or 1
    kept = sum((factors >> 4) * (factors & 15) for factors in sampling) / (across * down)
    if 2 * width * height * kept > _MAX_KEPT:
        raise ImageTooLarge(
            f"The picture has {width} x {height} pixels and is stored in several scans, which "
            "takes too much memory; save it without (not progressive)."
        )
    if width * height * data.count(b"\xff\xda", frame) <= MAX_SCANNED:
        return
    # So many may be what lies behind the picture, such as a film.
    scans = 0
    for found in _MARKERS.finditer(data, frame):
        if found[0] == b"\xff\xd9":
            break
        scans += found[0] == b"\xff\xda"
    if width * height * scans > MAX_SCANNED:
        raise UnreadableImage(f"The image is damaged or made to block: it has {scans:,} scans.")


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

    An alpha channel that hides everything does not count: it is a mask that was left empty.
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
