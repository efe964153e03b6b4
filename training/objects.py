"""``python -m training.objects``: fit how candidates for objects are judged, and print how well.

Scenes are composed of the pictures in the folders (``benchmarks.composed``); every candidate in
them is to score as much as it overlaps with a thing that was put there. Scenes of ``--apart`` are
only judged by. For example, where ``$D`` holds the data sets::

    python -m training.objects $D/jewellery $D/clothing --drawn $D/pacs/sketch \\
        --apart $D/caltech101 $D/sketchy/photo --scenes 100
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from benchmarks.composed import Scene, Stock, scenes
from image_search.imaging.objects import candidates, proposals
from image_search.imaging.objects.candidates import SIGNS, Candidates, candidates_in
from image_search.imaging.page_pictures import pictures_on
from image_search.imaging.sheets.recognition import Network
from training.sheets import as_json, fit_network, rounded

# Networks whose mean is taken.
_NETWORKS = 4
# Overlap with a thing from which a box is worth something, and at which it is worth all.
_LOW, _HIGH = 0.4, 0.85
# Boxes around things are few: each counts so many times as much as one around none.
_RIGHT_COUNTS = 5.0

Looked = list[tuple[Scene, Candidates]]


def main() -> None:
    """Compose, fit, and print."""
    parser = argparse.ArgumentParser(prog="python -m training.objects", description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--drawn", nargs="*", type=Path, default=[], help="drawings, for sheets")
    parser.add_argument("--apart", nargs="*", type=Path, default=[])
    parser.add_argument("--scenes", type=int, default=100, help="of each folder")
    options = parser.parse_args()
    learned = looked(options.folders, options.drawn, options.scenes)
    network = fitted(learned)
    place = Path(candidates.__file__).with_name(proposals.FITTED)
    place.write_text(as_json(list(SIGNS), network), "utf-8")
    print("fitted on:", report(learned, network))
    if options.apart:
        print("apart:", report(looked(options.apart, [], options.scenes // 2), network))


def looked(folders: Sequence[Path], drawn: Sequence[Path], count: int) -> Looked:
    """So many scenes of each folder, and the candidates in them; of ``drawn`` ones only sheets."""
    stock = Stock.of(folders[0])
    made = [one for folder in folders for one in scenes(folder, stock, count)]
    made += [
        one for folder in drawn for one in scenes(folder, Stock.of(folder), count // 3, ["sheet"])
    ]
    return [(scene, candidates_in(scene.pixels, pictures_on(scene.pixels))) for _, _, scene in made]


def fitted(found: Looked) -> Network:
    """The network that judges candidates by their signs."""
    signs = np.concatenate([seen.signs for _, seen in found]).astype(np.float64)
    worth = np.concatenate(
        [
            np.clip((_best(seen, scene) - _LOW) / (_HIGH - _LOW), 0, 1) for scene, seen in found
        ]
    )  # fmt: skip
    counts = np.concatenate([np.full(len(seen.boxes), 1 / len(seen.boxes)) for _, seen in found])
    counts *= 1 + (_RIGHT_COUNTS - 1) * worth
    mean, spread = signs.mean(axis=0), signs.std(axis=0) + 1e-6
    given = torch.from_numpy((signs - mean) / spread)
    weight = torch.from_numpy(counts / counts.sum())
    layers = [
        fit_network(given, torch.from_numpy(worth), weight, seed) for seed in range(_NETWORKS)
    ]
    # Their mean is one network, with the hidden units of all.
    first, bias, last = (np.concatenate([of[n] for of in layers]) for n in range(3))
    return Network(
        (rounded((first / spread).T), rounded(last[:, None] / _NETWORKS)),
        (
            rounded(bias - (first / spread) @ mean),
            rounded(np.mean([of[3] for of in layers], axis=0)),
        ),
    )


def _best(seen: Candidates, scene: Scene) -> npt.NDArray[np.float64]:
    return np.asarray(proposals.overlaps(seen.shares(), np.array(scene.things)).max(axis=1))


def report(found: Looked, network: Network) -> str:
    """How often one of the chosen boxes is that of the thing that is looked for."""
    right = []
    for scene, seen in found:
        shares = seen.shares()
        chosen = proposals.chosen(shares, network.sureness(seen.signs))
        overlap = proposals.overlaps(shares[chosen], np.array([scene.box]))
        right.append(bool(len(chosen)) and overlap.max() >= 0.5)
    return f"{np.mean(right):.1%} of {len(right)} scenes"


if __name__ == "__main__":
    main()
