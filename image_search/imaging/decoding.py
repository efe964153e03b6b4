"""Bytes to pixels: the only place where foreign image files are decoded, and where thumbnails are
made.

Files come from strangers and from twenty years of software, so everything is bounded before it is
decoded and every failure of a decoder becomes one ``UnreadableImage`` with a reason for a person.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import logging
import math
import threading
import warnings
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar

import cv2
import numpy as np
import pillow_heif
from PIL import Image, UnidentifiedImageError

from image_search.errors import ImageTooLarge, UnreadableImage
from image_search.imaging.arrays import Pixels
from image_search.imaging.formats import avif, png
from image_search.imaging.formats.documents import is_document
from image_search.imaging.formats.kinds import unidentified
from image_search.imaging.formats.opening import ANIMATED, FORMATS, USUAL, open_special
from image_search.imaging.formats.pages import animation, gif_frames
from image_search.imaging.formats.sandbox import SANDBOX, wants_own_process
from image_search.imaging.formats.source import (
    Limit,
    Part,
    Rendering,
    Source,
    check_inner_pictures,
    check_scans,
)
from image_search.imaging.formats.tiff import is_slow
from image_search.imaging.formats.video import is_video
from image_search.imaging.libtiff import hush

pillow_heif.register_heif_opener()
hush()
# Pillow warns about damaged metadata; the picture is what counts, and a reason is kept where it
# fails.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")
logging.getLogger("PIL").addHandler(logging.NullHandler())
# Each thread works on a picture of its own; OpenCV's own threads would only get in their way.
cv2.setNumThreads(1)

# Shortest side, in pixels, of a working picture: more than one and a half times what any extractor
# looks at, so that reduced decoding changes embeddings by less than recompression does (cosines to
# the full picture, on the pictures tried: at least .999; 512 pixels cost a quarter more time).
WORKING_SIDE = 384
# Longest side of a working picture, in pixels, so that a strip of 1 x 100,000 stays small.
LONGEST_SIDE = 4096
# Pixels of all pages of a file that are compared at most.
_ALL_PAGES = 1_000_000_000
# Pixels with transparency that are reduced together.
_LARGE = 8_000_000
# Rows whose pixels are hashed together.
_BAND = 64
# Pillow's own bomb guard stays on as a second net for pictures nested in others (ICO, ICNS), made
# to refuse where it would only warn. The first net is the limit given to ``decode``.
Image.MAX_IMAGE_PIXELS = 1_000_000_000
warnings.filterwarnings("error", category=Image.DecompressionBombWarning)
# Pixels that are decoded at once, by all threads together: 4 to 8 bytes for each of them.
_MOST_AT_ONCE: Final = 100_000_000
# Frames of a GIF can only be counted by reading all of them, and so many would take seconds.
_MAX_FRAMES: Final = 5_000

# Modes in which the mean of several pixels is a pixel (Pillow premultiplies where there is alpha).
_AVERAGEABLE = frozenset({
    "L", "LA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "LAB", "F", "I", "I;16", "I;16B", "I;16L",
})  # fmt: skip

# EXIF orientation to the operation that sets the picture upright (EXIF 2.32, tag 0x0112).
_ORIENTATION_TAG = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# Orientations whose upper rows, upright, are stored last.
_BACKWARDS = frozenset({3, 4, 7, 8})

_T = TypeVar("_T")


class Turn:
    """A share of what may be at work at once; ``alone`` where nothing else was when it began."""

    def __init__(self, semaphore: FairSemaphore, amount: int) -> None:
        self._semaphore, self._amount = semaphore, amount
        self.alone = semaphore._take(amount)
        self._held = True

    def again(self) -> None:
        """Let all that wait go first, and wait for another turn; if nothing waits, go on."""
        if self._semaphore.wanted:
            self.end()
            self._semaphore._take(self._amount)
            self._held = True

    def end(self) -> None:
        """Pass the turn on, if it is still held: what was interrupted while waiting has none."""
        if self._held:
            self._held = False
            self._semaphore._leave(self._amount)


class FairSemaphore:
    """Bounds what is at work at once, by threads or by pixels, in the order in which it asks; what
    is larger than all that may be is at work alone."""

    def __init__(self, capacity: int) -> None:
        """``capacity`` may be at work, at least one."""
        self._capacity = self._free = capacity
        self._lock = threading.Lock()
        self._at_work = 0
        self._waiting: deque[tuple[int, threading.Lock]] = deque()

    @contextlib.contextmanager
    def taken(self, amount: int = 1) -> Iterator[Turn]:
        """A turn for the block, once it is there."""
        turn = Turn(self, min(max(0, amount), self._capacity))
        try:
            yield turn
        finally:
            turn.end()

    @property
    def wanted(self) -> bool:
        """Whether anything waits."""
        return bool(self._waiting)

    def _take(self, amount: int) -> bool:
        """Wait for a turn; whether nothing else is at work then."""
        with self._lock:
            mine = None
            if amount <= self._free and not self._waiting:
                self._free -= amount
            else:
                mine = threading.Lock()
                mine.acquire()
                self._waiting.append((amount, mine))
        if mine is not None:
            self._wait(amount, mine)
        with self._lock:
            self._at_work += 1
            return self._at_work == 1 and not self._waiting

    def _leave(self, amount: int) -> None:
        with self._lock:
            self._at_work -= 1
            self._free += amount
            self._pass_on()

    def _wait(self, amount: int, mine: threading.Lock) -> None:
        try:
            mine.acquire()
        except BaseException:  # Ctrl-C was pressed: the turn must not be lost
            with self._lock:
                if (amount, mine) in self._waiting:
                    self._waiting.remove((amount, mine))
                else:
                    self._free += amount
                self._pass_on()
            raise

    def _pass_on(self) -> None:
        while self._waiting and self._waiting[0][0] <= self._free:
            amount, first = self._waiting.popleft()
            self._free -= amount
            first.release()


_pixels_at_once = FairSemaphore(_MOST_AT_ONCE)


@dataclass(frozen=True)
class Picture:
    """A decoded picture, upright, at working size.

    ``pixels`` is (height, width, 3) uint8 RGB; ``width`` and ``height`` are those of the original
    file, upright, in pixels. ``note`` says in words what else should be known about what is shown.
    Of a file of several pages or frames, ``part`` is the one shown.
    """

    pixels: Pixels
    width: int
    height: int
    note: str = ""
    part: Part | None = None


def decode(
    data: bytes,
    *,
    max_megapixels: float,
    side: int = WORKING_SIDE,
    longest: int = LONGEST_SIDE,
    name: str = "",
    stills: bool = False,
) -> Picture:
    """Decode image bytes of any format in docs/formats.md into an upright RGB picture.

    The picture is reduced, never enlarged, until its shortest side is ``side`` pixels and its
    longest at most ``longest``. Colour profiles are applied; transparency is laid on white, or on
    black where the artwork itself is white; of several pages or frames the one that shows most
    counts; 16-bit and float samples are scaled. The ``name`` of the file helps to say what is wrong
    with it. Where only ``stills`` are wanted, a video is refused.

    Raises:
        ImageTooLarge: more than ``max_megapixels`` million pixels.
        NotAnImage, FormatNotRead: no image, or in a format that is not read.
        UnreadableImage: truncated or damaged.
    """
    if stills and not data.startswith(USUAL) and is_video(data):
        raise UnreadableImage("A video cannot be searched with; send a still of it instead.")
    bounds = {"max_megapixels": max_megapixels, "side": side, "longest": longest}
    return pictures_by(first_here, data, bounds, name)[0]


def pictures_by(
    here: Callable[..., tuple[Picture, ...]],
    data: bytes,
    bounds: Mapping[str, float],
    name: str,
    **more: Any,
) -> tuple[Picture, ...]:
    """The pictures that ``here`` makes of ``data`` within the ``bounds``: in this process or, where
    the format asks for that, in another, which sees by ``more`` what to make."""
    question: dict[str, Any] = {**bounds, "name": name}
    with unreadable_on_failure():
        if not is_separate(data):
            return here(data, **question)
    return unpacked(*SANDBOX.run({**question, **more}, data))


def pixel_digest(data: bytes, *, max_megapixels: float) -> bytes:
    """SHA-256 of all the pixels that a picture shows, and of its sides: equal for two files that
    hold the same picture in different lossless formats, or with different metadata.

    Raises:
        ImageTooLarge, UnreadableImage: as for ``decode``; also for a file of which only a preview
            is seen.
    """
    with unreadable_on_failure():
        if not is_separate(data):
            return opened(data, max_megapixels, digest_of_all)
    return SANDBOX.run({"max_megapixels": max_megapixels}, data)[1]


def unpacked(answer: Mapping[str, Any], body: bytes) -> tuple[Picture, ...]:
    """The pictures that another process gave by ``answer_here``."""
    found, place = [], 0
    for one in answer["pictures"]:
        shape = (*one["shape"], 3)
        pixels = np.frombuffer(body, np.uint8, math.prod(shape), place).reshape(shape)
        part = one["part"] and Part(**one["part"])
        found.append(Picture(pixels, one["width"], one["height"], one["note"], part))
        place += pixels.nbytes
    return tuple(found)


def first_here(
    data: bytes, max_megapixels: float, side: int, longest: int, name: str
) -> tuple[Picture, ...]:
    """What ``decode`` returns, made in this process."""
    return (opened(data, max_megapixels, lambda source: picture_of(source, side, longest), name),)


def is_separate(data: bytes) -> bool:
    """Whether a file is decoded in a process of its own."""
    return not data.startswith(USUAL) and (
        wants_own_process(data) or is_document(data) or is_slow(data) or is_video(data)
    )


def opened(data: bytes, max_megapixels: float, use: Callable[[Source], _T], name: str = "") -> _T:
    """Return what ``use`` makes of the picture in ``data``."""
    if not data:
        raise UnreadableImage("The file is empty.")
    source = _open(data, Limit(max_megapixels), name)
    with _pixels_at_once.taken(source.size[0] * source.size[1]):
        return use(source)


@contextlib.contextmanager
def unreadable_on_failure() -> Iterator[None]:
    """Raise an ``UnreadableImage`` with a reason for whatever a decoder raises."""
    try:
        yield
    except UnreadableImage:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise ImageTooLarge("The picture unpacks to far more pixels than its size says.") from None
    except MemoryError:
        raise ImageTooLarge("The picture needs more memory than there is.") from None
    except Exception as error:
        # Decoders raise OSError, ValueError, SyntaxError, struct.error, IndexError and more on
        # damaged input; whatever it was, the one fact that matters is that the file is damaged.
        reason = str(error).strip().rstrip(".") or type(error).__name__
        raise UnreadableImage(f"The image is damaged or incomplete ({reason}).") from error


def _open(data: bytes, limit: Limit, name: str) -> Source:
    """The picture in ``data``, not loaded yet; foreign decoders raise anything on damaged input."""
    if not data.startswith(USUAL):
        special = open_special(data, limit, name, _with_pillow)
        if special is not None:
            return special
    try:
        return _with_pillow(data, limit)
    except UnidentifiedImageError:
        if data[4:8] == b"ftyp" and data[8:12] in avif.BRANDS:
            return avif.open_lenient(data, limit)
        raise unidentified(data, name) from None


def _with_pillow(data: bytes, limit: Limit) -> Source:
    if not data.startswith(png.MAGIC):
        return _as_it_is(data, limit)
    try:
        source = _as_it_is(data, limit)
    except (ValueError, SyntaxError, OSError) as error:
        if isinstance(error, UnidentifiedImageError) and b"IHDR" not in data[:64]:
            raise
        return _bare_png(data, limit)

    def load(side: int | None) -> Image.Image:
        try:
            return source.load(side)
        except (ValueError, SyntaxError, OSError):
            # Metadata may come after the pixels too.
            return _bare_png(data, limit).load(side)

    return replace(source, load=load)


def _bare_png(data: bytes, limit: Limit) -> Source:
    """Without metadata, which may be damaged or larger than Pillow allows."""
    bare, profile = png.without_metadata(data)
    source = _as_it_is(bare, limit)

    def load(side: int | None) -> Image.Image:
        image = source.load(side)
        if profile:
            image.info["icc_profile"] = profile
        return image

    return replace(source, load=load)


def _as_it_is(data: bytes, limit: Limit) -> Source:
    check_inner_pictures(data, limit)
    check_scans(data)
    image = Image.open(io.BytesIO(data), formats=FORMATS)
    limit.check(*image.size)
    if image.format in ANIMATED and getattr(image, "is_animated", False):
        if gif_frames(data, _MAX_FRAMES) == _MAX_FRAMES:
            note = "the first frame of a very long animation"
            return Source(image.size, lambda _: _loaded(image), note, partial=True)
        return animation(data, image, FORMATS, limit)

    def load(side: int | None) -> Image.Image:
        # JPEG: let the decoder's inverse DCT do the reduction; a no-op for other formats.
        if side is not None and min(image.size) > side:
            scale = side / min(image.size)
            image.draft("RGB", (round(image.width * scale), round(image.height * scale)))
        image.load()
        return image

    return Source(image.size, load)


def _loaded(image: Image.Image) -> Image.Image:
    image.load()
    return image


def picture_of(source: Source, side: int, longest: int) -> Picture:
    """The picture that ``source`` loads, upright and reduced as ``decode`` says."""
    width, height = source.size
    image = source.load(side)
    # Only now: Pillow has turned a TIFF by itself, and taken the tag away.
    orientation = source.orientation or _orientation(image)
    reduced = _reduced(image, side, longest)
    flat = _reduced(Rendering(image, reduced).rgb(reduced), side, longest)
    if orientation in _UPRIGHT:
        flat = flat.transpose(_UPRIGHT[orientation])
    if orientation >= 5:
        width, height = height, width
    pixels = np.asarray(flat, dtype=np.uint8)
    scale = min(1.0, side / min(pixels.shape[:2]), longest / max(pixels.shape[:2]))
    return Picture(_resized(pixels, scale), width, height, source.note, source.part)


def digest_of_all(source: Source) -> bytes:
    """As ``pixel_digest``, of what is opened."""
    if source.partial:
        raise UnreadableImage(f"The picture itself is not read, but {source.note}.")
    if source.pages is None:
        return _digest_of(source.load(None), source.orientation)
    # Of several pages, all: two books with one cover are two books.
    digest = hashlib.sha256(b"pages")
    pixels = 0
    for page in source.pages():
        pixels += page.width * page.height
        if pixels > _ALL_PAGES:
            raise ImageTooLarge("All pages together have too many pixels to be compared.")
        digest.update(_digest_of(page, source.orientation))
    return digest.digest()


def _digest_of(image: Image.Image, turned_by: int | None) -> bytes:
    """Of all the pixels, a band of rows at a time, so that no second copy of them is needed."""
    orientation = turned_by or _orientation(image)
    rendering = Rendering(image, _reduced(image, WORKING_SIDE, LONGEST_SIDE))
    turned = orientation >= 5
    height, width = image.size if turned else reversed(image.size)
    digest = hashlib.sha256(repr((height, width, 3)).encode())
    for top in range(0, height, _BAND):
        bottom = min(height, top + _BAND)
        first, last = (
            (height - bottom, height - top) if orientation in _BACKWARDS else (top, bottom)
        )
        box = (first, 0, last, width) if turned else (0, first, width, last)
        band = rendering.rgb(image.crop(box))
        if orientation in _UPRIGHT:
            band = band.transpose(_UPRIGHT[orientation])
        digest.update(band.tobytes())
    return digest.digest()


def _orientation(image: Image.Image) -> int:
    try:
        value = image.getexif().get(_ORIENTATION_TAG, 1)
    except Exception:  # a damaged EXIF block must not cost the picture
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _reduced(image: Image.Image, side: int, longest: int) -> Image.Image:
    """Shrunk by a whole factor, in its own mode where that can be, so that the rest is cheap."""
    factor = max(min(image.size) // side, max(image.size) // longest)
    if factor < 2 or image.mode not in _AVERAGEABLE or "transparency" in image.info:
        return image
    if image.mode.startswith("I;16"):
        image = image.convert("I")
    width, height = image.size
    factors = max(1, min(factor, width)), max(1, min(factor, height))
    if image.mode not in ("RGBA", "LA") or width * height < _LARGE:
        return image.reduce(factors)
    # Pillow premultiplies a whole copy of what it is given.
    small = Image.new(image.mode, (-(-width // factors[0]), -(-height // factors[1])))
    rows = factors[1] * max(1, _LARGE // (width * factors[1]))
    for top in range(0, height, rows):
        band = image.crop((0, top, width, min(height, top + rows)))
        small.paste(band.reduce(factors), (0, top // factors[1]))
    return small


def resized(pixels: Pixels, width: int, height: int) -> Pixels:
    """A picture, (h, w) or (h, w, 3) uint8, at ``width`` and ``height``: averaged where it becomes
    smaller, linear between pixels where it becomes larger."""
    interpolation = (
        cv2.INTER_AREA if max(pixels.shape[:2]) > max(width, height) else cv2.INTER_LINEAR
    )
    out = cv2.resize(np.ascontiguousarray(pixels), (width, height), interpolation=interpolation)
    return np.asarray(out, np.uint8)


def within(pixels: Pixels, longest: int) -> Pixels:
    """A picture shrunk, if need be, so that its longer side is at most ``longest`` pixels."""
    height, width = pixels.shape[:2]
    scale = longest / max(height, width)
    if scale >= 1:
        return np.ascontiguousarray(pixels)
    return resized(pixels, max(1, round(width * scale)), max(1, round(height * scale)))


def _resized(pixels: Pixels, scale: float) -> Pixels:
    if scale >= 1.0:
        return np.ascontiguousarray(pixels)
    height, width = pixels.shape[:2]
    size = max(1, round(width * scale)), max(1, round(height * scale))
    # Down to half, every pixel still counts between two neighbours, at a sixth of the time.
    interpolation = cv2.INTER_LINEAR if scale >= 0.5 else cv2.INTER_AREA
    return np.asarray(cv2.resize(pixels, size, interpolation=interpolation), dtype=np.uint8)
