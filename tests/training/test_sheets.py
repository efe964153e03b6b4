"""What tells drawings from photos, fitted to signs made here."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("torch")

from image_search.imaging.sheets.recognition import read_network
from training.sheets import Signs, as_json, fit, on_paper, report, shapes


def signs(drawn: bool, seed: int, count: int = 60) -> Signs:
    """One look at each picture; drawings lie where no straight line parts them."""
    rng = np.random.default_rng(seed)
    far = rng.normal(3.0 if not drawn else 1.0, 0.2, count)
    turn = rng.uniform(0, 2 * np.pi, count)
    return [
        [{"across": 100 + float(r * np.cos(t)), "down": float(r * np.sin(t))}]
        for r, t in zip(far, turn, strict=True)
    ]


def test_what_was_fitted_tells_other_pictures_apart() -> None:
    found = {
        ("photos", "a"): [*signs(False, 0), []],
        ("drawings", "b"): [*signs(True, 1), []],
        ("apart", "c"): signs(False, 2),
        ("drawings apart", "d"): signs(True, 3),
    }
    names, network = fit(found, 0)
    lines = report(found, names, network).splitlines()
    assert [line.split()[0] for line in lines] == ["photos", "apart", "drawings", "drawings"]
    assert float(lines[1].split()[-2]) < 10
    assert float(lines[3].split()[-2]) > 90


def test_what_is_written_is_what_was_fitted() -> None:
    found = {("photos", "a"): signs(False, 0), ("drawings", "b"): signs(True, 1)}
    names, network = fit(found, 0)
    kept, read = read_network(as_json(names, network))
    assert list(kept) == names
    rows = np.random.default_rng(0).normal((100, 0), 2, (20, 2))
    assert read.sureness(rows) == pytest.approx(network.sureness(rows))


def test_sketches_are_laid_in_several_ways(tmp_path: Path) -> None:
    page = np.full((64, 64), 255, np.uint8)
    cv2.circle(page, (32, 32), 20, 0, 1)
    path = tmp_path / "ring.png"
    cv2.imwrite(str(path), page)
    made = [on_paper("squared", path, seed) for seed in range(12)]
    assert len({pixels.shape for pixels in made}) > 2
    assert np.array_equal(made[3], on_paper("squared", path, 3))


def test_shapes_are_solid() -> None:
    for seed in range(10):
        picture = shapes(seed)
        assert picture.ndim == 3
        inside = (picture != picture[0, 0]).any(axis=2).astype(np.uint8)
        assert cv2.distanceTransform(inside, cv2.DIST_L2, 3).max() > 0.02 * len(picture)
