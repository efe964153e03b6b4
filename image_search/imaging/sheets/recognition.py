"""Tells drawings from photos by what is left when the strokes are lifted off; needs no weights
beside the few numbers here.

Under the strokes of a drawing lies bare paper: even, of one colour, without steps. Under what looks
like strokes in a photo lie the things it shows. And strokes are strong against their paper, thin,
and of one width and darkness, which the edges and chains of things are not. A small network weighs
those signs. ``python -m training.sheets`` fits it, to sketches on the benchmark's papers and to
photos, and writes its numbers.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt

from image_search.imaging.arrays import Floats
from image_search.imaging.sheets.paper import UNEVEN_STEP, Inked

#: The fitted numbers, beside this file.
FITTED: Final = "recognition.json"
_SPECK = 0.03  # share of the sheet's longer side that a speck is within
_EDGE = 5  # pixels; half-tones in a square of this side around ink belong to its strokes


def sureness(signs: dict[str, float]) -> float:
    """How sure it is that this is a drawing, from 0 to 1, above .5 yes."""
    if not signs:
        return 0.0
    names, network = _fitted()
    return network.sureness(np.array([[signs[name] for name in names]])).item()


@dataclass(frozen=True, eq=False)
class Network:
    """Signs to sureness: ``weights`` and ``biases`` of one layer after the other, with tanh
    between, and at last the logistic function."""

    weights: tuple[Floats, ...]
    biases: tuple[Floats, ...]

    def sureness(self, rows: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.float64]:
        """For rows (n, signs) how sure each is, (n,)."""
        at = np.asarray(rows, np.float64)
        for number, (weights, biases) in enumerate(zip(self.weights, self.biases, strict=True)):
            at = np.asarray((np.tanh(at) if number else at) @ weights + biases, np.float64)
        return np.asarray(1 / (1 + np.exp(-at[:, 0].clip(-30, 30))), np.float64)


def read_network(text: str) -> tuple[tuple[str, ...], Network]:
    """The names of the signs, and the network that weighs them in that order."""
    found = json.loads(text)
    weights, biases = (
        tuple(np.array(layer, np.float32) for layer in found[part])
        for part in ("weights", "biases")
    )
    return tuple(found["signs"]), Network(weights, biases)


@cache
def _fitted() -> tuple[tuple[str, ...], Network]:
    return read_network(resources.files(__package__).joinpath(FITTED).read_text("utf-8"))


def signs_of(one: Inked, ink: Floats) -> dict[str, float]:
    """What a sheet taken apart says by each sign; ``ink`` is without rulings. Nothing where there
    is no ink."""
    inked = ink > one.least
    count = int(inked.sum())
    if not count:
        return {}
    steps = one.paper.steps
    lab = cv2.cvtColor(one.paper.pixels, cv2.COLOR_RGB2LAB).astype(np.float32)
    smooth = cv2.GaussianBlur(lab, (0, 0), max(lab.shape) / 12)
    strength = float(np.percentile(ink[inked], 80))
    strong = (ink > max(one.least, 0.5 * strength)).astype(np.uint8)
    beside = cv2.dilate(strong, np.ones((_EDGE, _EDGE), np.uint8)) > 0
    number, _, stats, _ = cv2.connectedComponentsWithStats(strong, connectivity=8)
    areas = stats[1:number, cv2.CC_STAT_AREA]
    lengths = stats[1:number, cv2.CC_STAT_WIDTH : cv2.CC_STAT_HEIGHT + 1].max(axis=1)
    small = lengths < _SPECK * max(ink.shape)
    width = cv2.distanceTransform(strong, cv2.DIST_L2, 3)
    ridge = (strong > 0) & (width >= cv2.dilate(width, np.ones((3, 3), np.uint8)))
    tops = ink[ridge]
    edge = (strong > 0) & (cv2.erode(strong, np.ones((3, 3), np.uint8)) == 0)
    rise = cv2.morphologyEx(ink, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
    shares = one.shares[strong > 0]
    most = np.maximum(shares.max(axis=1), 1e-3)
    least = np.clip(shares.min(axis=1) / most, 0, 1)
    around = cv2.dilate(strong, np.ones((15, 15), np.uint8)) > 0
    ring = around & ~beside
    return {
        "rough": math.log(float(steps.mean()) + 0.3),
        "stepped": math.log(float((steps > UNEVEN_STEP).mean()) + 0.01),
        "chroma": math.log(float(lab[..., 1].std() + lab[..., 2].std()) + 1),
        "density": 10 * float(inked.mean()),
        "strength": strength,
        "tones": 5 * float((inked & ~beside).sum()) / count,
        "coherent": 5 * _coherence(ink, strong),
        "specks": 5 * float(areas[small].sum()) / max(1, int(areas.sum())),
        "core": float(strong.sum()) / count,
        "spread": float(tops.std() / tops.mean()),
        "widths": float(width[ridge].std() / width[ridge].mean()),
        "colour": 1 - float(least.mean()),
        "colours": float(least.std()),
        "shaded": float((ink[ring] > 0.5 * one.least).mean()) if ring.any() else 0.0,
        "largest": float(lengths.max()) / max(ink.shape),
        "grain": math.log(one.grain + 0.005),
        "thick": math.log(100 * float(width[ridge].mean()) / max(ink.shape)),
        "crisp": float(rise[edge].mean()) / strength,
        "pieces": math.log(number - int(small.sum())),
        "cut": float(np.concatenate([inked[[0, -1]].ravel(), inked[:, [0, -1]].ravel()]).mean()),
        "lumpy": math.log(float(np.abs(lab - smooth).mean()) + 0.3),
        "light": float(one.paper.light),
    }


def _coherence(ink: Floats, strong: npt.NDArray[np.uint8]) -> float:
    """How much of what surrounds the strokes runs in one direction, from 0 to 1."""
    calm = cv2.GaussianBlur(ink, (0, 0), 1.0)
    across, down = cv2.Sobel(calm, cv2.CV_32F, 1, 0), cv2.Sobel(calm, cv2.CV_32F, 0, 1)
    xx, yy, xy = (
        cv2.GaussianBlur(product, (0, 0), 2.0)
        for product in (across * across, down * down, across * down)
    )
    found = np.sqrt((xx - yy) ** 2 + 4 * xy * xy) / np.maximum(xx + yy, 1e-6)
    return float(found[strong > 0].mean())
