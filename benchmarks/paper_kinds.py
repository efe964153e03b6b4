"""Papers, pens and lamps: a clean sketch as it comes from a studio's desk, drawn by this file."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import cv2
import numpy as np
import numpy.typing as npt

from image_search.imaging.arrays import Floats, Pixels

Grey = npt.NDArray[np.uint8]
Colour = tuple[float, float, float]
Lay = Callable[[Grey, np.random.Generator], Pixels]

_ZOOM = 2  # sketches are enlarged before they are laid on paper, which has a finer grain


def sheet(size: tuple[int, int], colour: Colour, grain: float, rng: np.random.Generator) -> Floats:
    """Bare paper, (h, w, 3), with grain and a slow unevenness."""
    grey = rng.normal(0, grain, size).astype(np.float32)
    slow = cv2.GaussianBlur(rng.normal(0, 1, size).astype(np.float32), (0, 0), size[1] / 8)
    slow = slow * np.float32(3 / max(float(slow.std()), 1e-6))
    return np.asarray((grey + slow)[..., None] + np.asarray(colour, np.float32), np.float32)


def inked(paper: Floats, sketch: Grey, colour: Colour | Floats, strength: float = 0.9) -> Pixels:
    """Strokes of a dark-on-white ``sketch`` laid over ``paper``."""
    share = ((255 - sketch.astype(np.float32)) / 255 * strength)[..., None]
    return np.clip(paper * (1 - share) + np.asarray(colour, np.float32) * share, 0, 255).astype(
        np.uint8
    )


def larger(sketch: Grey) -> Grey:
    """The sketch at the scale of its paper."""
    out = cv2.resize(sketch, None, fx=_ZOOM, fy=_ZOOM, interpolation=cv2.INTER_CUBIC)
    return np.asarray(out, np.uint8)


def lines(paper: Floats, degrees: float, gap: float, colour: Colour, width: float = 1.0) -> None:
    """Rule ``paper`` in one direction."""
    y, x = np.mgrid[: paper.shape[0], : paper.shape[1]].astype(np.float32)
    turn = np.radians(degrees)
    off = np.abs((y * np.cos(turn) - x * np.sin(turn) + 1e4 * gap + gap / 2) % gap - gap / 2)
    share = np.clip(width / 2 + 0.5 - off, 0, 1)[..., None]
    paper *= 1 - share
    paper += share * np.asarray(colour, np.float32)


def coloured_paper(colour: Colour, ink: Colour, grain: float, strength: float = 0.9) -> Lay:
    """A maker of one colour of ink on one colour of paper."""

    def lay(sketch: Grey, rng: np.random.Generator) -> Pixels:
        big = larger(sketch)
        return inked(sheet(big.shape, colour, grain, rng), big, ink, strength)

    return lay


def ruled_paper(
    directions: tuple[float, ...], gap: float, ruling: Colour, tilt: float = 0.0,
    colour: Colour = (250, 250, 246), ink: Colour = (62, 62, 66), margin: bool = False,
) -> Lay:  # fmt: skip
    """A maker of pencil on ruled paper, ``tilt`` degrees askew at most."""

    def lay(sketch: Grey, rng: np.random.Generator) -> Pixels:
        big = larger(sketch)
        paper = sheet(big.shape, colour, 2, rng)
        askew = rng.uniform(-tilt, tilt)
        for degrees in directions:
            lines(paper, degrees + askew, gap, ruling, rng.uniform(0.9, 2.0))
        if margin:
            place = round(0.1 * big.shape[1])
            paper[:, place : place + 2] = (218, 96, 90)
        return inked(paper, big, ink, 0.85)

    return lay


def dotted(sketch: Grey, rng: np.random.Generator) -> Pixels:
    """A grid of grey dots."""
    big = larger(sketch)
    paper = sheet(big.shape, (251, 250, 246), 2, rng)
    for y in range(8, big.shape[0], 22):
        for x in range(8, big.shape[1], 22):
            cv2.circle(paper, (x, y), 2, (160, 165, 170), -1, cv2.LINE_AA)
    return inked(paper, big, (60, 60, 62), 0.85)


def coloured_pencils(sketch: Grey, rng: np.random.Generator) -> Pixels:
    """Three pencils, each for a band of the drawing."""
    big = larger(sketch)
    colours = np.array([(196, 58, 46), (34, 112, 60), (40, 62, 170)], np.float32)
    band = (np.arange(big.shape[0]) * 3 // big.shape[0])[:, None]
    ink = colours[np.broadcast_to(band, big.shape)]
    return inked(sheet(big.shape, (249, 248, 243), 3, rng), big, ink, 0.8)


def marker(sketch: Grey, rng: np.random.Generator) -> Pixels:
    """A marker four times as wide as the pencil, on a board with a lamp's gleam."""
    big = cv2.erode(larger(sketch), np.ones((7, 7), np.uint8))
    paper = sheet(big.shape, (226, 229, 232), 1.5, rng)
    y, x = np.mgrid[: big.shape[0], : big.shape[1]] / np.float32(big.shape[0])
    gleam = np.exp(-((x - 0.75) ** 2 + (y - 0.2) ** 2) / 0.08)
    paper *= (0.85 + 0.2 * gleam)[..., None].astype(np.float32)
    ink = [(24, 118, 62), (190, 36, 40), (30, 44, 160)][int(rng.integers(3))]
    return inked(paper, np.asarray(big, np.uint8), ink, 0.9)


def folded(sketch: Grey, rng: np.random.Generator) -> Pixels:
    """A sheet that was folded twice."""
    big = larger(sketch)
    paper = sheet(big.shape, (245, 243, 236), 2.5, rng)
    y, x = np.mgrid[: big.shape[0], : big.shape[1]].astype(np.float32)
    for off in (x - big.shape[1] * 0.52, y - big.shape[0] * 0.48):
        crease = 0.14 * np.exp(-np.abs(off) / 1.6) - 0.05 * np.sign(off) * np.exp(-np.abs(off) / 50)
        paper *= (1 - crease)[..., None]
    return inked(paper, big, (76, 76, 78), 0.9)


def spiral_bound(sketch: Grey, rng: np.random.Generator) -> Pixels:
    """A leaf of a sketchbook, with the holes of its spiral."""
    big = cv2.copyMakeBorder(larger(sketch), 12, 12, 70, 12, cv2.BORDER_CONSTANT, value=255)
    paper = sheet(big.shape[:2], (247, 245, 238), 2, rng)
    for y in range(18, big.shape[0], 32):
        cv2.circle(paper, (22, y), 7, (74, 70, 66), -1, cv2.LINE_AA)
    return inked(paper, np.asarray(big, np.uint8), (70, 70, 74), 0.9)


def on_a_desk(sketch: Grey, rng: np.random.Generator) -> Pixels:
    """Photographed at an angle on a wooden desk, lit from one side."""
    big = larger(sketch)
    big = np.asarray(
        cv2.copyMakeBorder(big, 50, 60, 40, 40, cv2.BORDER_CONSTANT, value=255), np.uint8
    )
    page = inked(sheet(big.shape[:2], (240, 237, 228), 2, rng), big, (66, 66, 68))
    height, width = 720, 960
    grain = cv2.GaussianBlur(
        rng.normal(0, 1, (height, width)).astype(np.float32), (0, 0), 45, sigmaY=2
    )
    desk = np.array((138, 98, 64), np.float32) * (1 + 0.12 * grain / grain.std())[..., None]
    jitter = rng.uniform(-35, 35, (4, 2))
    corners = np.array([[250, 70], [720, 95], [800, 650], [160, 620]]) + jitter
    down, across = page.shape[:2]
    flat = np.array([[0, 0], [across, 0], [across, down], [0, down]], np.float32)
    matrix = cv2.getPerspectiveTransform(flat, corners.astype(np.float32))
    there = cv2.warpPerspective(np.ones((down, across), np.float32), matrix, (width, height))
    shade = cv2.GaussianBlur(np.roll(there, (12, 9), (0, 1)), (0, 0), 10)[..., None]
    shown = cv2.warpPerspective(page.astype(np.float32), matrix, (width, height))
    whole = shown * there[..., None] + desk * (1 - 0.4 * shade) * (1 - there[..., None])
    lamp = np.linspace(0.6, 1.0, width, dtype=np.float32)[None, :, None]
    return np.asarray(np.clip(whole * lamp, 0, 255), np.uint8)


def in_shadow(sketch: Grey, rng: np.random.Generator) -> Pixels:
    """Half of the sheet in the shadow of a hand."""
    big = larger(sketch)
    page = inked(sheet(big.shape, (238, 232, 220), 2.5, rng), big, (66, 64, 62))
    y, x = np.mgrid[: big.shape[0], : big.shape[1]].astype(np.float32)
    edge = (x + rng.uniform(-0.6, 0.6) * y - 0.5 * big.shape[1]) / 14
    return np.asarray(page * (1 - 0.5 / (1 + np.exp(-edge)))[..., None], np.uint8)


KINDS: Mapping[str, Lay] = {
    "white": coloured_paper((255, 255, 255), (30, 30, 30), 0.5),
    "grey pencil on cream": coloured_paper((240, 230, 206), (88, 86, 84), 4, 0.8),
    "brown paper": coloured_paper((178, 140, 100), (38, 32, 28), 6),
    "white on brown": coloured_paper((146, 110, 78), (246, 246, 240), 5),
    "blackboard": coloured_paper((30, 44, 38), (226, 230, 226), 5),
    "blue print": coloured_paper((34, 66, 132), (236, 242, 252), 4),
    "red pencil": coloured_paper((250, 249, 246), (206, 60, 50), 3, 0.8),
    "blue pen": coloured_paper((251, 251, 251), (36, 54, 178), 2),
    "faint pencil": coloured_paper((250, 249, 247), (70, 70, 70), 2, 0.28),
    "tracing paper": coloured_paper((206, 207, 204), (112, 112, 114), 2, 0.85),
    "ruled": ruled_paper((0,), 24, (150, 178, 224), 1.5),
    "squared": ruled_paper((0, 90), 18, (170, 196, 216), 1.5),
    "isometric": ruled_paper((30, 90, 150), 26, (176, 206, 192), 1.0),
    "yellow legal pad": ruled_paper(
        (0,), 25, (128, 164, 214), 0.5, (250, 240, 166), (84, 84, 86), margin=True
    ),
    "dotted": dotted,
    "coloured pencils": coloured_pencils,
    "marker": marker,
    "folded": folded,
    "spiral bound": spiral_bound,
    "on a desk": on_a_desk,
    "in shadow": in_shadow,
}  # fmt: skip


def lay(kind: str, sketch: Grey, seed: int) -> Pixels:
    """A dark-on-white ``sketch`` (h, w) on a ``kind`` of paper, (h, w, 3) uint8 RGB."""
    return KINDS[kind](sketch, np.random.default_rng(seed))
