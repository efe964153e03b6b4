"""Materials as ramps of colour, and colourways: which material fills which slot of a design."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from image_search.demo.shading import Plate

Pixels = NDArray[np.uint8]

_METAL = (0.0, 0.25, 0.5, 0.72, 0.88, 1.0)
_STONE = (0.0, 0.28, 0.55, 0.8, 1.0)
#: Colours from dark to bright; those of a metal stand at _METAL's tones, of a stone at _STONE's.
RAMPS: Mapping[str, str] = {
    "gold": "2b1703 7d4d12 c8902f ecc668 fbecbd fffdf6",
    "silver": "14171b 5a6168 a4abb2 d6dbdf f3f6f8 ffffff",
    "rose-gold": "30110b 8a4a3c cd8873 ebb7a3 fbe6dc fffaf7",
    "black-rhodium": "050607 1d2023 42474d 7d848b c9cfd4 ffffff",
    "bronze": "1d0f07 553218 92602f c39a60 ead4a8 fff8e8",
    "copper": "2a0d05 7a3317 bf683a e5a276 fadcc4 fff7f0",
    "walnut": "170b05 3f2414 6b4126 8f6242 bb9473 e3cfba",
    "oak": "3a2510 7f5a30 b98e58 d5b382 ecd9b8 fbf3e4",
    "ebony": "050404 191614 2f2a27 504944 857d77 c3bdb8",
    "teak": "1c0c05 53290f 8a4d22 b97d49 dfb98d f6e6cf",
    "ash": "55493a 96866f c9baa1 dfd4c1 f0e9dc fcf9f3",
    "diamond": "4f5b67 93a1ae cdd8e1 f0f5f9 ffffff",
    "sapphire": "04103a 0b2b86 2259c9 7ba6f0 f3f8ff",
    "emerald": "02281a 056343 12a06c 70d9ab f0fff8",
    "ruby": "380110 8c0524 d01f42 f47f92 fff2f4",
    "amethyst": "230a42 57249a 8e55cf c5a0ee faf4ff",
    "aquamarine": "0d4454 3291a6 74c7d3 bfe9ee f8ffff",
    "citrine": "5a2a02 b56a07 eaa62a fbd987 fffbee",
    "morganite": "6e343a b87479 e5acab f8d9d5 fffaf8",
    "onyx": "030304 0f1114 272a30 5e646d ffffff",
    "turquoise": "06433f 0f8079 34b5aa 8edfd4 f4fffd",
    "coral": "5e160d b5402f e9735c f9b3a1 fff5f1",
    "jade": "12351f 2f6e47 63a678 abd6b3 f6fff6",
    "pearl-white": "8a8078 c6bdb4 ece6df fbf8f4 ffffff",
    "pearl-black": "0d1013 2b3238 515b63 93a0a6 f4fafa",
    "pearl-rose": "8d6a66 c9a19b edd0c9 fbeae5 ffffff",
}


@dataclass(frozen=True)
class Colourway:
    """One choice of materials: slot to the name of a ramp, or to a plain colour "#rrggbb"."""

    name: str
    slots: Mapping[str, str]


def _rgb(code: str) -> NDArray[np.float64]:
    return np.array([int(code[i : i + 2], 16) for i in (0, 2, 4)], np.float64)


@lru_cache(maxsize=256)
def ramp(material: str, ground: bool = False) -> Pixels:
    """Return the colours of a material at tones 0 to 255, (256, 3) uint8 RGB."""
    tones = np.linspace(0, 1, 256)
    if material in RAMPS:
        colours = np.array([_rgb(code) for code in RAMPS[material].split()])
        stops: tuple[float, ...] = _METAL if len(colours) == len(_METAL) else _STONE
    else:
        base = _rgb(material.removeprefix("#"))
        if ground:  # its own colour at tone .7; shadows keep its hue and deepen it
            deep = base * (0.12 + 0.28 * base / 255)
            light = base + (255 - base) * (0.12 + 0.5 * base.mean() / 255)
            colours, stops = np.array([deep, base, light]), (0.0, 0.7, 1.0)
        else:
            colours = np.array([base * 0.25, base, base + (255 - base) * 0.75])
            stops = (0.0, 0.5, 1.0)
    table = np.stack([np.interp(tones, stops, colours[:, i]) for i in range(3)], axis=1)
    return np.round(table).astype(np.uint8)


def colour(plate: Plate, colourway: Colourway, studio: bool) -> Pixels:
    """Return the plate in a colourway, (height, width, 3) uint8 RGB, at its final size."""
    table = np.concatenate(
        [ramp(colourway.slots[slot], studio and slot == "ground") for slot in plate.slots]
    )
    index = (plate.label.astype(np.uint16) << 8) | plate.tone
    full = np.take(table, index, axis=0)
    h, w = plate.label.shape
    size = (w // plate.scale, h // plate.scale)
    return cv2.resize(full, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
