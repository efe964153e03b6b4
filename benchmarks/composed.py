"""Rooms, sheets and pages that are composed of real pictures, so that the box of each is known."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from benchmarks.fingerprinted import files, pixels_of
from benchmarks.report import DATASETS
from benchmarks.screenshots import LAYOUTS, fitted
from image_search.imaging.arrays import Pixels

Box = tuple[float, float, float, float]
"""Left, top, width and height as fractions of the sides."""
Mask = npt.NDArray[np.bool_]

TEXTURES = DATASETS / "dtd10"
PICTURES = DATASETS / "corel1k"
# A ground is near-uniform where so much of the rim is within so many levels of its median.
_UNIFORM, _LEVELS = 0.9, 18
# A thing that is cut out covers this share of its picture, and its rim is free of it.
_SMALL, _LARGE = 0.08, 0.85
# Shares of the longer side of a scene that a thing takes.
LEAST, MOST = 0.22, 0.55
WIDTH, HEIGHT = 960, 720


@dataclass(frozen=True, eq=False)
class Thing:
    """A picture (RGB) as it is pasted, which of its pixels belong to the thing, and the left and
    the top one of them in the picture it was cut from."""

    pixels: Pixels
    mask: Mask
    corner: tuple[int, int] = (0, 0)

    def fitted(self, side: float) -> Thing:
        """The same with this longer ``side`` in pixels."""
        pixels = fitted(self.pixels, side, side)
        mask = cv2.resize(self.mask.astype(np.uint8), pixels.shape[1::-1]) > 0
        return Thing(pixels, mask)


@dataclass(frozen=True, eq=False)
class Scene:
    """A composed picture (RGB), the box of the thing that is looked for, and of all ``things``."""

    pixels: Pixels
    box: Box
    things: tuple[Box, ...]


def cut_out(pixels: Pixels) -> Thing | None:
    """The thing on a near-uniform ground, without the ground; ``None`` on any other."""
    height, width = pixels.shape[:2]
    rim = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]]).astype(np.int32)
    ground = np.median(rim, axis=0)
    if (np.abs(rim - ground).max(axis=1) <= _LEVELS).mean() < _UNIFORM:
        return None
    other = np.abs(pixels.astype(np.int32) - ground).max(axis=2) > _LEVELS
    kernel = np.ones((5, 5), np.uint8)
    closed = cv2.morphologyEx(other.astype(np.uint8), cv2.MORPH_CLOSE, kernel)
    closed = cv2.morphologyEx(closed, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    contours, _ = cv2.findContours(closed, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    large = [c for c in contours if cv2.contourArea(c) > 0.005 * width * height]
    filled = np.zeros((height, width), np.uint8)
    cv2.drawContours(filled, large, -1, 1, cv2.FILLED)
    if not _SMALL < filled.mean() < _LARGE:
        return None
    left, top, wide, high = cv2.boundingRect(filled)
    part = np.s_[top : top + high, left : left + wide]
    return Thing(np.ascontiguousarray(pixels[part]), filled[part] > 0, (left, top))


def framed(pixels: Pixels, rng: np.random.Generator) -> Thing:
    """The whole picture in a frame of one colour."""
    width = int(rng.integers(4, 14))
    colour = rng.integers(0, 256, 3).tolist()
    frame = cv2.copyMakeBorder(pixels, *(width,) * 4, cv2.BORDER_CONSTANT, value=colour)
    return Thing(np.asarray(frame, np.uint8), np.ones(frame.shape[:2], np.bool_))


class Ground:
    """A scene while things are put into it, none over another."""

    def __init__(self, pixels: Pixels, rng: np.random.Generator) -> None:
        self.pixels, self.rng = pixels.copy(), rng
        self.taken: Mask = np.zeros(pixels.shape[:2], np.bool_)
        self.boxes: list[Box] = []

    def put(self, thing: Thing, lowest: bool = False, shadow: bool = True) -> Box | None:
        """The box where ``thing`` was put, at a free place; ``None`` where there is none."""
        height, width = self.taken.shape[:2]
        high, wide = thing.mask.shape[:2]
        if high >= height or wide >= width:
            return None
        for _ in range(60):
            left = int(self.rng.integers(width - wide))
            top = int(self.rng.integers((height - high) // 2 if lowest else 0, height - high))
            if not self.taken[top : top + high, left : left + wide].any():
                break
        else:
            return None
        alpha = cv2.GaussianBlur(thing.mask.astype(np.float32), (3, 3), 0)[..., None]
        if shadow:
            self._shade(thing.mask, left, top)
        part = np.s_[top : top + high, left : left + wide]
        mixed = self.pixels[part] * (1 - alpha) + thing.pixels * alpha
        self.pixels[part] = np.rint(mixed).astype(np.uint8)
        self.taken[max(0, top - 6) : top + high + 6, max(0, left - 6) : left + wide + 6] = True
        self.boxes.append((left / width, top / height, wide / width, high / height))
        return self.boxes[-1]

    def _shade(self, mask: Mask, left: int, top: int) -> None:
        height, width = self.taken.shape[:2]
        whole = np.zeros((height, width), np.float32)
        whole[top : top + mask.shape[0], left : left + mask.shape[1]] = mask
        moved = np.roll(whole, (8, 6), (0, 1))
        shade = 1 - 0.35 * cv2.GaussianBlur(moved, (0, 0), 7)[..., None]
        self.pixels = np.rint(self.pixels * shade).astype(np.uint8)


@dataclass(frozen=True, eq=False)
class Stock:
    """What scenes are made of beside the thing that is looked for."""

    textures: Sequence[Pixels]
    pictures: Sequence[Pixels]
    things: Sequence[Thing]

    @staticmethod
    def of(others: Path, count: int = 120) -> Stock:
        """Textures, photos, and things that are cut out from the pictures in ``others``."""
        rng = np.random.default_rng(7)
        found = [cut_out(pixels_of(path)) for path in _some(others, 4 * count, rng)]
        return Stock(
            [pixels_of(path) for path in _some(TEXTURES, count, rng)],
            [pixels_of(path) for path in _some(PICTURES, count, rng)],
            [thing for thing in found if thing is not None][:count],
        )


def _some(folder: Path, count: int, rng: np.random.Generator) -> list[Path]:
    paths = files(folder)
    return [paths[number] for number in rng.permutation(len(paths))[:count]]


def _one(of: Sequence[Pixels], rng: np.random.Generator) -> Pixels:
    return of[int(rng.integers(len(of)))]


def _side(rng: np.random.Generator) -> float:
    return float(rng.uniform(LEAST, MOST)) * WIDTH


def room(thing: Thing, stock: Stock, rng: np.random.Generator) -> Scene | None:
    """A wall and a floor, each painted or papered, with things before them and pictures on it."""
    wall, floor = (_surface(stock, rng) for _ in range(2))
    horizon = int(rng.uniform(0.5, 0.8) * HEIGHT)
    pixels = np.concatenate([wall[:horizon], floor[horizon:]])
    light = np.linspace(1.0, float(rng.uniform(0.7, 1.0)), WIDTH)[None, :, None]
    noise = rng.normal(0, 3, pixels.shape)
    ground = Ground(np.clip(pixels * light + noise, 0, 255).astype(np.uint8), rng)
    box = ground.put(thing.fitted(_side(rng)), lowest=bool(rng.random() < 0.6))
    for _ in range(int(rng.integers(1, 4))):
        other = stock.things[int(rng.integers(len(stock.things)))]
        ground.put(other.fitted(0.7 * _side(rng)), lowest=True)
    for _ in range(int(rng.integers(0, 3))):
        ground.put(framed(_one(stock.pictures, rng), rng).fitted(0.6 * _side(rng)))
    return None if box is None else Scene(ground.pixels, box, tuple(ground.boxes))


def _surface(stock: Stock, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    colour = rng.uniform(60, 245, 3)
    colour = colour.mean() + 0.4 * (colour - colour.mean())
    plain = np.broadcast_to(colour, (HEIGHT, WIDTH, 3))
    if rng.random() < 0.4:
        return plain.astype(np.float64)
    texture = _one(stock.textures, rng)
    repeats = -(-HEIGHT // texture.shape[0]), -(-WIDTH // texture.shape[1])
    tiled = np.tile(texture, (*repeats, 1))[:HEIGHT, :WIDTH].astype(np.float64)
    share = float(rng.uniform(0.15, 0.6))
    return np.asarray(plain + share * (tiled - tiled.mean(axis=(0, 1))))


def view(thing: Thing, stock: Stock, rng: np.random.Generator) -> Scene | None:
    """A photo of something else with the thing before it."""
    picture = _one(stock.pictures, rng)
    ground = Ground(np.asarray(cv2.resize(picture, (WIDTH, HEIGHT)), np.uint8), rng)
    box = ground.put(thing.fitted(_side(rng)))
    return None if box is None else Scene(ground.pixels, box, tuple(ground.boxes))


def sheet(thing: Thing, stock: Stock, rng: np.random.Generator) -> Scene | None:
    """A sheet with several things on its paper."""
    paper = rng.uniform(215, 256, 3) if rng.random() < 0.8 else rng.uniform(20, 90, 3)
    plain = np.broadcast_to(paper, (HEIGHT, WIDTH, 3)) + rng.normal(0, 2, (HEIGHT, WIDTH, 3))
    ground = Ground(np.clip(plain, 0, 255).astype(np.uint8), rng)
    box = ground.put(thing.fitted(0.8 * _side(rng)), shadow=False)
    for _ in range(int(rng.integers(2, 6))):
        other = stock.things[int(rng.integers(len(stock.things)))]
        ground.put(other.fitted(0.7 * _side(rng)), shadow=False)
    return None if box is None else Scene(ground.pixels, box, tuple(ground.boxes))


def product(thing: Thing, stock: Stock, rng: np.random.Generator) -> Scene | None:
    """The thing alone, large, on a plain ground or one with a texture."""
    ground = Ground(np.clip(_surface(stock, rng), 0, 255).astype(np.uint8), rng)
    box = ground.put(thing.fitted(float(rng.uniform(0.5, 0.9)) * HEIGHT))
    return None if box is None else Scene(ground.pixels, box, tuple(ground.boxes))


def page(thing: Thing, stock: Stock, rng: np.random.Generator) -> Scene | None:
    """A page of a shop, an app or a talk, or a board, with the picture as a rectangle on it."""
    layout = LAYOUTS[str(rng.choice(list(LAYOUTS)))]
    made = layout(thing.pixels, stock.pictures, rng)
    height, width = made.pixels.shape[:2]
    left, top, wide, high = made.box
    box = left / width, top / height, wide / width, high / height
    return Scene(made.pixels, box, (box,))


Layout = Callable[[Thing, Stock, np.random.Generator], Scene | None]
SCENES: Mapping[str, Layout] = {
    "room": room,
    "sheet": sheet,
    "page": page,
    "product": product,
    "view": view,
}


def scenes(
    folder: Path, stock: Stock, count: int, names: Sequence[str] = tuple(SCENES), seed: int = 0
) -> list[tuple[str, Path, Scene]]:
    """So many scenes, with the name of the layout and the path of the picture that is in each.

    Things are cut out where the ground allows it; other pictures hang in a frame.
    """
    rng = np.random.default_rng(seed)
    found: list[tuple[str, Path, Scene]] = []
    for path in _some(folder, 20 * count, rng):
        name = names[len(found) % len(names)]
        pixels = pixels_of(path)
        whole = Thing(pixels, np.ones(pixels.shape[:2], np.bool_))
        thing = whole if name == "page" else cut_out(pixels)
        if thing is None:
            # Pictures hang on walls alone.
            if name != "room":
                continue
            thing = framed(pixels, rng)
        made = SCENES[name](thing, stock, rng)
        if made is not None:
            found.append((name, path, made))
        if len(found) == count:
            break
    return found
