"""What people do to a picture before it turns up again: edits in three strengths.

Pure functions of pixels, used to measure how well edited copies are found, and to set thresholds
on a collection's own pictures. Chance comes from the generator that is given, so that the same
seed makes the same edits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import cv2
import numpy as np

from image_search.imaging.arrays import Floats, Pixels

STRENGTHS = ("mild", "medium", "strong")
MILD, MEDIUM, STRONG = range(3)
# The edit that needs a comparison of its own, because nothing of a negative matches as it is.
INVERTED = "inverted"

_Edit = Callable[[Pixels, int, np.random.Generator], Pixels]
_PHRASES = ("SALE", "New season", "www.shop.example", "sample 2026", "No. 4711", "Handmade")


def edited(
    pixels: Pixels,
    kind: str,
    strength: int,
    rng: np.random.Generator,
    backdrop: Pixels | None = None,
) -> Pixels:
    """``pixels`` (RGB uint8) after an edit of this ``kind`` (one of ``KINDS``) and ``strength``.

    ``backdrop`` is the picture that ``pasted`` pastes into; where there is none, one is drawn.

    Raises:
        ValueError: there is no such kind or strength.
    """
    if kind not in KINDS or not 0 <= strength < len(STRENGTHS):
        raise ValueError(
            f"There is no edit {kind!r} of strength {strength}; the kinds are {', '.join(KINDS)}, "
            "the strengths 0 to 2."
        )
    if kind == INVERTED:
        return _inverted(pixels, strength, rng)
    if kind == "pasted":
        return _pasted(pixels, strength, rng, _clutter(rng) if backdrop is None else backdrop)
    return _EDITS[kind](pixels, strength, rng)


def _recompressed(pixels: Pixels, strength: int, _rng: np.random.Generator) -> Pixels:
    return _jpeg(pixels, (60, 30, 12)[strength])


def _resized(pixels: Pixels, strength: int, _rng: np.random.Generator) -> Pixels:
    return _scaled(pixels, (0.75, 0.5, 0.3)[strength])


def _cropped(pixels: Pixels, strength: int, rng: np.random.Generator) -> Pixels:
    """Sides kept: 90 %, 70 %, 50 %, so that 81 %, 49 %, 25 % of the area are left."""
    keep = (0.9, 0.7, 0.5)[strength]
    height, width = pixels.shape[:2]
    rows, columns = max(1, round(height * keep)), max(1, round(width * keep))
    # A crop to an empty corner is unlikely: the part that shows most, of a few at random.
    corners = [
        (int(rng.integers(height - rows + 1)), int(rng.integers(width - columns + 1)))
        for _ in range(1 if strength == MILD else 5)
    ]
    parts = [pixels[top : top + rows, left : left + columns] for top, left in corners]
    return np.ascontiguousarray(max(parts, key=lambda part: float(part.std())))


def _turned(pixels: Pixels, strength: int, _rng: np.random.Generator) -> Pixels:
    """Half a turn, a quarter to the right, a quarter to the left."""
    return np.ascontiguousarray(np.rot90(pixels, (2, 3, 1)[strength]))


def _tilted(pixels: Pixels, strength: int, rng: np.random.Generator) -> Pixels:
    """By up to 4, 12, 30 degrees either way; the corners are filled with one colour."""
    most = (4.0, 12.0, 30.0)[strength]
    angle = float(rng.uniform(most / 2, most) * rng.choice([-1, 1]))
    height, width = pixels.shape[:2]
    homography = cv2.getRotationMatrix2D((width / 2, height / 2), angle, 1.0)
    return _warped(pixels, np.vstack([homography, [0, 0, 1]]), (width, height), rng)


def _mirrored(pixels: Pixels, strength: int, rng: np.random.Generator) -> Pixels:
    """Left to right; upside down; left to right, turned and cropped."""
    if strength == MEDIUM:
        return np.ascontiguousarray(pixels[::-1])
    flipped = np.ascontiguousarray(pixels[:, ::-1])
    if strength == STRONG:
        return _cropped(_turned(flipped, int(rng.integers(1, 3)), rng), MEDIUM, rng)
    return flipped


def _recoloured(pixels: Pixels, strength: int, rng: np.random.Generator) -> Pixels:
    hsv = cv2.cvtColor(pixels, cv2.COLOR_RGB2HSV).astype(np.int16)
    hsv[..., 0] = (hsv[..., 0] + int(rng.choice([-1, 1])) * (10, 30, 75)[strength]) % 180
    tint = rng.integers(0, 256, 3).astype(np.float32)
    share = (0.0, 0.12, 0.25)[strength]
    turned = cv2.cvtColor(hsv.astype(np.uint8), cv2.COLOR_HSV2RGB)
    return _bytes(turned.astype(np.float32) * (1 - share) + tint * share)


def _grey(pixels: Pixels, strength: int, _rng: np.random.Generator) -> Pixels:
    """Grey; one channel only; grey in 6 steps."""
    grey = pixels[..., 0] if strength == MEDIUM else cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    if strength == STRONG:
        grey = _bytes(np.round(grey.astype(np.float32) / 51) * 51)
    return np.ascontiguousarray(np.repeat(grey[..., None], 3, axis=2))


def _framed(pixels: Pixels, strength: int, rng: np.random.Generator) -> Pixels:
    wide = max(1, round(max(pixels.shape[:2]) * (0.04, 0.1, 0.2)[strength]))
    colour = rng.integers(0, 256, 3).tolist()
    return np.asarray(
        cv2.copyMakeBorder(pixels, wide, wide, wide, wide, cv2.BORDER_CONSTANT, value=colour),
        np.uint8,
    )


def _captioned(pixels: Pixels, strength: int, rng: np.random.Generator) -> Pixels:
    """One, three, six lines of text; the last in large letters."""
    result = pixels.copy()
    height, width = pixels.shape[:2]
    for _ in range((1, 3, 6)[strength]):
        text = str(rng.choice(_PHRASES))
        size = max(height, width) * (0.0018, 0.0022, 0.0028)[strength]
        thick = max(1, round(size * 2))
        place = int(rng.integers(0, max(1, width // 2))), int(rng.integers(height // 8, height + 1))
        colour = rng.integers(0, 256, 3).tolist()
        cv2.putText(result, text, place, cv2.FONT_HERSHEY_SIMPLEX, size, colour, thick, cv2.LINE_AA)
    return result


def _stamped(pixels: Pixels, strength: int, rng: np.random.Generator) -> Pixels:
    """A badge over 3 %, 10 %, 22 % of the picture."""
    result = pixels.copy()
    height, width = pixels.shape[:2]
    radius = max(1, round(np.sqrt((0.03, 0.10, 0.22)[strength] * height * width / np.pi)))
    centre = (
        int(rng.integers(round(width * 0.2), round(width * 0.8) + 1)),
        int(rng.integers(round(height * 0.2), round(height * 0.8) + 1)),
    )
    dark, light = sorted(rng.integers(0, 256, (2, 3)).tolist(), key=sum)
    cv2.circle(result, centre, radius, dark, -1, cv2.LINE_AA)
    cv2.circle(result, centre, max(1, radius * 3 // 4), light, -1, cv2.LINE_AA)
    cv2.putText(
        result, "ACME", (centre[0] - radius * 6 // 10, centre[1] + radius // 5),
        cv2.FONT_HERSHEY_SIMPLEX, radius / 62, dark, max(1, radius // 16), cv2.LINE_AA,
    )  # fmt: skip
    return result


def _pasted(pixels: Pixels, strength: int, rng: np.random.Generator, backdrop: Pixels) -> Pixels:
    """Over 75 %, 60 %, 45 % of the sides of another picture, in its own proportions."""
    share = (0.75, 0.6, 0.45)[strength]
    height, width = pixels.shape[:2]
    # The other picture is as large as it must be for this one to fill its share unshrunk.
    rows, columns = round(height / share), round(width / share)
    large = cv2.resize(backdrop, (columns, rows), interpolation=cv2.INTER_LINEAR)
    result = np.array(large, np.uint8)
    top, left = int(rng.integers(rows - height + 1)), int(rng.integers(columns - width + 1))
    result[top : top + height, left : left + width] = pixels
    return _scaled(result, max(share, 0.5))


def _blurred(pixels: Pixels, strength: int, _rng: np.random.Generator) -> Pixels:
    sigma = max(pixels.shape[:2]) * (0.002, 0.004, 0.008)[strength]
    return np.asarray(cv2.GaussianBlur(pixels, (0, 0), sigma), np.uint8)


def _sharpened(pixels: Pixels, strength: int, _rng: np.random.Generator) -> Pixels:
    soft = cv2.GaussianBlur(pixels, (0, 0), max(pixels.shape[:2]) * 0.005).astype(np.float32)
    return _bytes(pixels + (0.5, 1.0, 2.0)[strength] * (pixels.astype(np.float32) - soft))


def _noisy(pixels: Pixels, strength: int, rng: np.random.Generator) -> Pixels:
    return _bytes(pixels + rng.normal(0, (6.0, 14.0, 28.0)[strength], pixels.shape))


def _lighter(pixels: Pixels, strength: int, rng: np.random.Generator) -> Pixels:
    """Lighter or darker by a power of 1.3, 1.7, 2.3."""
    power = (1.3, 1.7, 2.3)[strength] ** int(rng.choice([-1, 1]))
    return _bytes(255 * (pixels.astype(np.float32) / 255) ** power)


def _contrast(pixels: Pixels, strength: int, rng: np.random.Generator) -> Pixels:
    """Paler, or harsher, by 1.3, 1.7, 2.3 about the mean."""
    factor = (1.3, 1.7, 2.3)[strength] ** int(rng.choice([-1, 1]))
    mean = float(pixels.mean())
    return _bytes((pixels.astype(np.float32) - mean) * factor + mean)


def _stretched(pixels: Pixels, strength: int, rng: np.random.Generator) -> Pixels:
    """One side longer by 10 %, 25 %, 50 %."""
    factor = (1.1, 1.25, 1.5)[strength]
    wide, high = (factor, 1.0) if rng.random() < 0.5 else (1.0, factor)
    height, width = pixels.shape[:2]
    size = max(1, round(width * wide)), max(1, round(height * high))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_LINEAR), np.uint8)


def _rephotographed(pixels: Pixels, strength: int, rng: np.random.Generator) -> Pixels:
    """Seen at an angle, unevenly lit, a little soft and noisy, and saved as JPEG."""
    most = (0.05, 0.1, 0.17)[strength]
    height, width = pixels.shape[:2]
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    inwards = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]], np.float32)
    moved = corners + inwards * rng.uniform(0, most, (4, 2)) * [width, height]
    homography = cv2.getPerspectiveTransform(corners, moved.astype(np.float32))
    flat = _warped(pixels, homography, (width, height), rng).astype(np.float32)
    across = np.linspace(-0.5, 0.5, width)[None, :] * rng.uniform(-1, 1)
    down = np.linspace(-0.5, 0.5, height)[:, None] * rng.uniform(-1, 1)
    flat *= (1 + 4 * most * (across + down))[..., None]
    seen = np.asarray(cv2.GaussianBlur(flat, (0, 0), max(height, width) * 0.02 * most + 0.3))
    return _jpeg(_bytes(seen + rng.normal(0, 40 * most, seen.shape)), 80)


def _inverted(pixels: Pixels, strength: int, rng: np.random.Generator) -> Pixels:
    """The negative; in grey; cropped."""
    negative = np.asarray(255 - pixels, np.uint8)
    if strength == MEDIUM:
        return _grey(negative, MILD, rng)
    return _cropped(negative, MEDIUM, rng) if strength == STRONG else negative


_EDITS: Mapping[str, _Edit] = {
    "recompressed": _recompressed,
    "resized": _resized,
    "cropped": _cropped,
    "turned": _turned,
    "tilted": _tilted,
    "mirrored": _mirrored,
    "recoloured": _recoloured,
    "grey": _grey,
    "framed": _framed,
    "captioned": _captioned,
    "stamped": _stamped,
    "blurred": _blurred,
    "sharpened": _sharpened,
    "noisy": _noisy,
    "lighter": _lighter,
    "contrast": _contrast,
    "stretched": _stretched,
    "rephotographed": _rephotographed,
}
KINDS = (*_EDITS, "pasted", INVERTED)


def _bytes(values: np.ndarray) -> Pixels:
    return np.clip(np.round(values), 0, 255).astype(np.uint8)


def _jpeg(pixels: Pixels, quality: int) -> Pixels:
    _, data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)


def _scaled(pixels: Pixels, scale: float) -> Pixels:
    height, width = pixels.shape[:2]
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)


def _warped(
    pixels: Pixels, homography: np.ndarray, size: tuple[int, int], rng: np.random.Generator
) -> Pixels:
    colour = rng.integers(0, 256, 3).tolist()
    return np.asarray(
        cv2.warpPerspective(pixels, homography, size, flags=cv2.INTER_LINEAR, borderValue=colour),
        np.uint8,
    )


def _clutter(rng: np.random.Generator) -> Pixels:
    """A picture of soft colours and some shapes, to paste into."""
    coarse: Floats = rng.uniform(0, 255, (5, 5, 3)).astype(np.float32)
    result = _bytes(np.asarray(cv2.resize(coarse, (256, 256), interpolation=cv2.INTER_CUBIC)))
    for _ in range(12):
        centre = tuple(rng.integers(0, 256, 2).tolist())
        colour = rng.integers(0, 256, 3).tolist()
        cv2.circle(result, centre, int(rng.integers(5, 50)), colour, int(rng.choice([-1, 2])))
    return result
